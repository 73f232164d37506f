import Crypto
import SASLCore
import SMTPClient
import Services

/// What those who passed a message on have sealed (Authenticated Received Chain, RFC 8617).
struct ARCChain: Sendable {
  enum Result: String, Sendable {
    case none, pass, fail
  }

  struct Finding: Sendable {
    var result: Result
    /// Who sealed last.
    var domain = ""
    /// The highest instance.
    var count = 0
    var reason: String?
  }

  /// §4.2.1.
  static let maximumInstances = 50

  /// The three fields of one who passed it on.
  struct Set: Sendable {
    var seal: HeaderBlock.Field
    var signature: HeaderBlock.Field
    var results: HeaderBlock.Field
  }

  /// The sets of a header by instance, from 1; `nil` where they don't make a chain; none where there are none.
  static func sets(of header: HeaderBlock) -> [Set]? {
    var found: [[Int: HeaderBlock.Field]] = [[:], [:], [:]]
    for (index, name) in ["arc-seal", "arc-message-signature", "arc-authentication-results"].enumerated() {
      for field in header.all(name) {
        guard let number = instance(of: field), found[index][number] == nil else { return nil }
        found[index][number] = field
      }
    }
    let count = found[0].count
    guard found.allSatisfy({ $0.count == count }), count <= maximumInstances else { return nil }
    var sets: [Set] = []
    for number in 0..<count {
      guard let seal = found[0][number + 1], let signature = found[1][number + 1], let results = found[2][number + 1]
      else { return nil }
      sets.append(Set(seal: seal, signature: signature, results: results))
    }
    return sets
  }

  private static func instance(of field: HeaderBlock.Field) -> Int? {
    for part in field.value.split(separator: ";").prefix(64) {
      let words = part.split(separator: "=", maxSplits: 1)
      guard words.count == 2, words[0].filter({ !$0.isWhitespace }) == "i" else { continue }
      let digits = words[1].filter { !$0.isWhitespace }
      guard digits.utf8.count <= 2, let number = Int(digits), (1...maximumInstances).contains(number) else {
        return nil
      }
      return number
    }
    return nil
  }

  /// Validates the chain (§5.2).
  static func verify(_ header: HeaderBlock, body: any MessageBody, _ verifier: DKIMVerifier) async -> Finding {
    guard let sets = sets(of: header) else { return Finding(result: .fail, reason: "the sets make no chain") }
    guard let last = sets.last else { return Finding(result: .none) }
    let domain = DKIMVerifier.tags(last.seal.value)["d"]?.lowercased() ?? ""
    func failed(_ reason: String) -> Finding {
      Finding(result: .fail, domain: domain, count: sets.count, reason: reason)
    }
    for (index, set) in sets.enumerated() {
      let word = DKIMVerifier.tags(set.seal.value)["cv"]?.lowercased()
      guard word == (index == 0 ? "none" : "pass") else { return failed("a seal says cv=\(word ?? "nothing")") }
    }
    // Only the newest signature over the message must hold: those before it may have been broken by who came behind.
    let message = await verifier.verify(last.signature, header, body, isARC: true)
    guard message.result == .pass else { return failed(message.reason ?? "the newest message signature") }
    for number in sets.indices.reversed() {
      guard await verifier.isValid(seal: sets[number].seal, over: signed(by: number, sets)) else {
        return failed("the seal of instance \(number + 1)")
      }
    }
    return Finding(result: .pass, domain: domain, count: sets.count)
  }

  /// What a seal signs, but for itself (§5.1.1): all sets up to it, in their order.
  private static func signed(by number: Int, _ sets: [Set]) -> [HeaderBlock.Field] {
    sets[..<number].flatMap { [$0.results, $0.signature, $0.seal] } + [sets[number].results, sets[number].signature]
  }

  // MARK: Sealing

  /// A new set for a message that is passed on, to stand before its header (§5.1); `nil` where nothing more can be sealed.
  ///
  /// - Parameter results: What was found when it came, as in Authentication-Results.
  /// - Parameter found: What was found of the chain that it came with.
  static func seal(
    _ header: HeaderBlock, body: any MessageBody, results: String, found: Result, by hostname: String,
    domain: String, _ entry: DKIMSigner.Entry, now: WallTime
  ) -> [UInt8]? {
    guard let sets = sets(of: header), sets.count < maximumInstances,
      sets.last.map({ DKIMVerifier.tags($0.seal.value)["cv"]?.lowercased() != "fail" }) ?? true
    else { return nil }
    let number = sets.count + 1
    let own = MessageIntake.field("ARC-Authentication-Results: i=\(number); \(hostname);\r\n\t\(results)")
    guard
      let signature = DKIMSigner.signature(
        entry, domain, header.fields.filter { !$0.name.hasPrefix("arc-") }, bodyHash(header, body), now,
        form: .arc(number))
    else { return nil }
    let validation = sets.isEmpty ? "none" : found == .pass ? "pass" : "fail"
    let message = HeaderBlock.Field(name: "arc-message-signature", bytes: signature)
    let text =
      "ARC-Seal: i=\(number); a=\(entry.key.algorithm); cv=\(validation); d=\(domain); s=\(entry.selector);\r\n\t"
      + "t=\(now.seconds);\r\n\tb="
    var hash = SHA256()
    // A broken chain is sealed as such, over our own set alone (§5.1.2).
    let before = validation == "fail" ? [] : sets.flatMap { [$0.results, $0.signature, $0.seal] }
    for field in before + [own, message] { hash.update(data: DKIMCanonical.relaxed.field(field.bytes)) }
    var last = DKIMCanonical.relaxed.field(Array(text.utf8))
    last.removeLast(2)
    hash.update(data: last)
    guard let value = entry.key.sign(hash.finalize()) else { return nil }
    return Array(text.utf8) + DKIMSigner.folded(Base64.encode(value)) + [0x0D, 0x0A] + message.bytes + own.bytes
  }

  private static func bodyHash(_ header: HeaderBlock, _ body: any MessageBody) -> String {
    var hash = DKIMBodyHash(.relaxed)
    try? body.forEachPiece(from: Int64(header.bodyStart)) { hash.take($0) }
    return String(decoding: Base64.encode(hash.finish()), as: UTF8.self)
  }
}

/// What is needed to seal a message that was checked when it came.
struct ARCSealing: Sendable {
  var signer: DKIMSigner
  var hostname: String
  var results: String
  var found: ARCChain.Result

  func seal(_ header: HeaderBlock, body: any MessageBody, domain: String, now: WallTime) -> [UInt8]? {
    guard !results.isEmpty, let entry = signer.sealingKey(of: domain) else { return nil }
    return ARCChain.seal(
      header, body: body, results: results, found: found, by: hostname, domain: domain, entry, now: now)
  }
}
