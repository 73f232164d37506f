import DNSCore
import WireKit

/// IPv6 addresses for hosts that have none, for networks without IPv4 (RFC 6147), by the addresses of RFC 6052.
struct AddressSynthesis: Sendable {
  private let prefix: IPNetwork

  /// The lengths that RFC 6052 §2.2 knows.
  static let prefixLengths: Set<Int> = [32, 40, 48, 56, 64, 96]

  init?(_ prefix: IPNetwork?) {
    guard let prefix, prefix.address.family == .v6, Self.prefixLengths.contains(prefix.prefixLength) else { return nil }
    self.prefix = prefix
  }

  /// The address that stands for an IPv4 address; octet 8 stays zero (RFC 6052 §2.2).
  func address(for address: IPAddress) -> IPAddress? {
    guard address.family == .v4 else { return nil }
    var octets = prefix.address.octets
    var place = prefix.prefixLength / 8
    for octet in address.octets {
      if place == 8 { place += 1 }
      octets[place] = octet
      place += 1
    }
    return IPAddress(octets: octets)
  }

  /// The IPv4 address that an address stands for.
  func original(of address: IPAddress) -> IPAddress? {
    guard prefix.contains(address) else { return nil }
    var octets: [UInt8] = []
    var place = prefix.prefixLength / 8
    for _ in 0..<4 {
      if place == 8 { place += 1 }
      octets.append(address.octets[place])
      place += 1
    }
    return IPAddress(octets: octets)
  }

  /// The records of an answer for A, made into one for AAAA: aliases stay, signatures go.
  func records(_ answers: [ResourceRecord]) -> [ResourceRecord] {
    answers.compactMap { record in
      guard record.type == .a else { return record.type == .rrsig ? nil : record }
      guard let address = (try? record.data.value(as: A.self)).flatMap({ self.address(for: $0.address) }) else {
        return nil
      }
      return ResourceRecord(record.name, ttl: min(record.ttl, 600), RData(AAAA(address)))
    }
  }

  /// The name of the IPv4 address that a reverse name of the prefix stands for (RFC 6147 §5.3.1).
  func reverse(of name: Name) -> Name? {
    let labels = name.lowercased.labels
    guard labels.count == 34, labels[32].elementsEqual("ip6".utf8), labels[33].elementsEqual("arpa".utf8) else {
      return nil
    }
    var octets: [UInt8] = []
    for index in stride(from: 31, to: 0, by: -2) {
      guard labels[index].count == 1, labels[index - 1].count == 1, let high = Self.nibble(labels[index]),
        let low = Self.nibble(labels[index - 1])
      else { return nil }
      octets.append(high << 4 | low)
    }
    return IPAddress(octets: octets).flatMap { original(of: $0) }.map { Name(reverseOf: $0) }
  }

  private static func nibble(_ label: ArraySlice<UInt8>) -> UInt8? {
    label.first.flatMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
  }
}
