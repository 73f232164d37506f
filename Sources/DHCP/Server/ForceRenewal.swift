import Crypto
import DHCPCore
import WireKit

/// Tells clients to renew before their time (RFC 3203), and proves to them who says so (RFC 6704): each client that can is given a secret
/// of its own with its lease, and the message that makes it renew is signed by that.
///
/// The secrets are derived from one of the server's, so that they outlive it and none has to be kept.
public struct ForceRenewal: Sendable {
  private let key: SymmetricKey
  private static let algorithm: UInt8 = 1
  /// Protocol 3 (RFC 6704 §3.1.2), HMAC-MD5, replay by a number that only rises.
  private static let header: [UInt8] = [3, 1, 0]

  /// - Parameter secret: At least 16 octets that nobody else knows.
  public init(secret: [UInt8]) { key = SymmetricKey(data: secret) }

  private func nonce(_ client: ClientKey) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: client.bytes, using: key).prefix(16))
  }

  /// Adds what a client that can authenticate such a message is to have: our readiness to an OFFER, its secret to an ACK.
  func prepare(_ reply: inout Message, to message: Message, at time: UInt64) {
    guard message.options[.forceRenewNonceCapable]?.contains(Self.algorithm) == true, message.type != .inform else {
      return
    }
    switch reply.type {
    case .offer: reply.options[.forceRenewNonceCapable] = [Self.algorithm]
    case .acknowledge:
      reply.options[.authentication] = Self.authentication(at: time, kind: 1, nonce(ClientKey(of: message)))
    default: break
    }
  }

  private static func authentication(at time: UInt64, kind: UInt8, _ value: [UInt8]) -> [UInt8] {
    var bytes = header
    bytes.appendInteger(time)
    return bytes + [kind] + value
  }

  /// DHCPFORCERENEW for a lease, signed over the whole of it with zeros in the signature's place.
  func message(
    for lease: Lease, from server: IPAddress, at time: UInt64, transaction: UInt32?
  ) -> [UInt8] {
    var message = Message(.reply)
    message.hardwareType = lease.hardwareType
    message.hardwareAddress = lease.hardwareAddress
    message.transaction = transaction ?? UInt32(truncatingIfNeeded: time)
    message.options[.messageType] = [MessageType.forceRenew.rawValue]
    message.options[.serverIdentifier] = server.octets
    if lease.client.bytes.first == 1 { message.options[.clientIdentifier] = Array(lease.client.bytes.dropFirst()) }
    message.options[.authentication] = Self.authentication(at: time, kind: 2, [UInt8](repeating: 0, count: 16))
    var bytes = message.encoded()
    guard let place = Self.signaturePlace(bytes) else { return bytes }
    let digest = HMAC<Insecure.MD5>.authenticationCode(for: bytes, using: SymmetricKey(data: nonce(lease.client)))
    bytes.replaceSubrange(place, with: Array(digest))
    return bytes
  }

  private static func signaturePlace(_ bytes: [UInt8]) -> Range<Int>? {
    var position = 240
    while position + 1 < bytes.count, bytes[position] != 255 {
      let end = position + 2 + Int(bytes[position + 1])
      if bytes[position] == OptionCode.authentication.rawValue, end <= bytes.count { return (end - 16)..<end }
      position = end
    }
    return nil
  }
}
