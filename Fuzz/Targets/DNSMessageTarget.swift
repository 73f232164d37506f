import DNSCore
import WireKit

extension FuzzTarget {
  static let dnsMessage = FuzzTarget(
    "dns-message",
    "A message that decodes encodes to one that decodes to the same, unless that is longer than 65,535 octets."
  ) { bytes in
    guard let message = try? Message.decode(bytes) else { return }
    let encoded: [UInt8]
    do throws(WireError) {
      encoded = try message.encoded()
    } catch {
      // Each octet of a pointer can stand for 255; what was short may be too long once it is written otherwise.
      try require(error.code == .tooLong, "\(error)")
      return
    }
    try require(encoded.count <= 65535, "\(encoded.count) octets")
    try require(try Message.decode(encoded) == message, "\(message)")
    for record in message.answers + message.authorities + message.additionals {
      try require(!record.description.isEmpty, "a record without a text")
    }
  }
}
