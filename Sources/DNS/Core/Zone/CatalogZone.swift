import WireKit

/// A catalog: a zone that lists zones, so that secondaries need not be told of each (RFC 9432).
public enum CatalogZone {
  /// Why a zone is no catalog.
  public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
  }

  /// Zones that one catalog may list.
  public static let limit = 10_000

  /// The zones that a catalog lists. Throws for a zone that is broken as a catalog: then what was known of it stays (§5.1).
  public static func members(of zone: Zone) throws(Problem) -> [Name] {
    guard let version = try? Name("version", origin: zone.apex), let zones = try? Name("zones", origin: zone.apex)
    else {
      throw Problem(description: "its name is too long")
    }
    let texts = zone.records(of: version).filter { $0.type == .txt }
    guard texts.count == 1, texts[0].data.wire == [1, UInt8(ascii: "2")] else {
      throw Problem(description: "its version is not 2")
    }
    var members: [Name: Name] = [:]
    var problem: Problem?
    zone.forEachRecord { record in
      guard record.type == .ptr, record.name.parent == zones, problem == nil else { return }
      guard members[record.name] == nil, let member = try? record.data.value(as: PTR.self).target else {
        problem = Problem(description: "\(record.name) lists more than one zone")
        return
      }
      members[record.name] = member
    }
    if let problem { throw problem }
    guard members.count <= limit else { throw Problem(description: "it lists more than \(limit) zones") }
    guard Set(members.values).count == members.count else { throw Problem(description: "it lists a zone twice") }
    return members.values.sorted()
  }

  /// What a catalog holds besides its members (§4.1).
  public static let text = "$TTL 0\n@ SOA invalid. invalid. 1 3600 600 2419200 0\n@ NS invalid.\nversion TXT \"2\"\n"

  /// The records that list these zones. Each has a name of its own, always the same.
  public static func records(_ members: [Name], in apex: Name) -> [ResourceRecord] {
    members.compactMap { member in
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      for octet in member.lowercased.wire { hash = (hash ^ UInt64(octet)) &* 0x100_0000_01B3 }
      guard let owner = try? Name("\(String(hash, radix: 16)).zones", origin: apex) else { return nil }
      return ResourceRecord(owner, ttl: 0, RData(PTR(member)))
    }
  }
}
