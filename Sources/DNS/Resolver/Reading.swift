import DNSCore
import WireKit

/// What a server's message means for the one who asked a question about a zone.
enum Reading {
  /// The answer, or an alias; the records that belong to it, in order, and what proves that a wildcard could stand for it.
  case answer([ResourceRecord], proof: [ResourceRecord])
  /// "No": no such name, or none of this type; with the SOA that says for how long, and the proof where there is one.
  case negative(ResponseCode, [ResourceRecord])
  /// Others know: the servers of a zone below.
  case referral(zone: Name, servers: [Name], addresses: [ResourceRecord], ttl: UInt32)
  /// Of no use: lame, refused, broken.
  case useless

  /// Reads a message of a server of `zone`. What lies outside of that zone is not looked at: nobody vouches for it.
  init(_ message: Message, to question: Question, from zone: Name) {
    switch message.responseCode {
    case .noError, .nxDomain: break
    default:
      self = .useless
      return
    }
    let inside = message.answers.filter { $0.name.isWithin(zone) && $0.recordClass == .in }
    let chain = Self.chain(inside, question)
    let proof = Self.proof(message, zone)
    if !chain.isEmpty {
      self = .answer(chain, proof: proof)
      return
    }
    let start = message.authorities.first {
      $0.type == .soa && $0.name.isWithin(zone) && question.name.isWithin($0.name)
    }
    if message.responseCode == .nxDomain || start != nil {
      let signatures = message.authorities.filter { record in
        start != nil && record.name == start?.name && Self.covered(record) == .soa
      }
      self = .negative(message.responseCode, (start.map { [$0] } ?? []) + signatures + proof)
      return
    }
    if let referral = Self.referral(message, question, zone) {
      self = referral
      return
    }
    // An empty answer without a SOA, from a server that says the zone is its own (RFC 2308 §2.2, type 3).
    self = message.header.flags.contains(.authoritative) ? .negative(.noError, []) : .useless
  }

  /// The records that lead from the question to its answer: aliases first, and the signatures beside them.
  private static func chain(_ records: [ResourceRecord], _ question: Question) -> [ResourceRecord] {
    let chosen = unsigned(records, question)
    // Each set's signatures behind all of them: they are looked for by name and type.
    return chosen
      + records.filter { record in
        guard let covered = covered(record), question.type != .rrsig else { return false }
        return chosen.contains { $0.type == covered && $0.name == record.name }
      }
  }

  private static func unsigned(_ records: [ResourceRecord], _ question: Question) -> [ResourceRecord] {
    var result: [ResourceRecord] = []
    var name = question.name
    for _ in 0..<16 {
      let here = records.filter { $0.name == name }
      let wanted = here.filter { $0.type == question.type || question.type == .any }
      if !wanted.isEmpty { return result + wanted.filter { question.type == .rrsig || $0.type != .rrsig } }
      // DNAME lies above the name; the CNAME made from it stands beside it.
      result += records.filter { $0.type == .dname && name.isWithin($0.name) && name != $0.name }
      guard let alias = here.first(where: { $0.type == .cname }),
        let target = try? alias.data.value(as: CNAME.self).target
      else { return result }
      result.append(alias)
      guard records.contains(where: { $0.name == target }) else { return result }
      name = target
    }
    return result
  }

  /// The type that a signature covers.
  private static func covered(_ record: ResourceRecord) -> RecordType? {
    record.type == .rrsig ? (try? record.data.value(as: RRSIG.self))?.covered : nil
  }

  /// NSEC and NSEC3 records with their signatures.
  private static func proof(_ message: Message, _ zone: Name) -> [ResourceRecord] {
    message.authorities.filter { record in
      let type = covered(record) ?? record.type
      return (type == .nsec || type == .nsec3) && record.name.isWithin(zone)
    }
  }

  private static func referral(_ message: Message, _ question: Question, _ zone: Name) -> Reading? {
    let servers = message.authorities.filter {
      $0.type == .ns && question.name.isWithin($0.name) && $0.name.isWithin(zone) && $0.name != zone
    }
    guard let below = servers.first?.name else { return nil }
    let names = servers.filter { $0.name == below }.compactMap { try? $0.data.value(as: NS.self).server }
    guard !names.isEmpty else { return nil }
    let addresses = message.additionals.filter {
      ($0.type == .a || $0.type == .aaaa) && names.contains($0.name) && $0.name.isWithin(zone)
    }
    return .referral(zone: below, servers: names, addresses: addresses, ttl: servers.map(\.ttl).min() ?? 0)
  }
}
