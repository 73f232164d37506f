import Crypto
import DHCPCore
import Testing
import WireKit

@testable import DHCPServer

/// RFC 6704: a client is given a secret, and what is signed by it comes from us.
struct ForceRenewalTests {
  @Test func theSecretThatAClientIsGivenSignsWhatItIsTold() throws {
    let renewal = ForceRenewal(secret: [UInt8](repeating: 7, count: 32))
    var lab = Laboratory()
    var request = lab.message(.request, 1)
    request.options[.forceRenewNonceCapable] = [1]
    var reply = Message(.reply)
    reply.options[.messageType] = [MessageType.acknowledge.rawValue]
    renewal.prepare(&reply, to: request, at: 5)
    let given = try #require(reply.options[.authentication])
    #expect(given.prefix(12) == [3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 5, 1] && given.count == 28)
    let lease = Lease(
      address: IPAddress(10, 0, 0, 100), subnet: Laboratory.network("10.0.0.0/24"), client: ClientKey(of: request),
      state: .bound, starts: 0, expires: 100)
    var bytes = renewal.message(for: lease, from: Laboratory.server, at: 6, transaction: 9)
    let message = try Message.decode(bytes.span.bytes)
    #expect(message.type == .forceRenew && message.transaction == 9)
    #expect(message.address(.serverIdentifier) == Laboratory.server)
    let signed = try #require(message.options[.authentication])
    #expect(signed.prefix(12) == [3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 2] && signed.count == 28)
    let digest = Array(signed.suffix(16))
    let place = try #require((0...bytes.count - 16).first { Array(bytes[$0..<$0 + 16]) == digest })
    bytes.replaceSubrange(place..<place + 16, with: [UInt8](repeating: 0, count: 16))
    let key = SymmetricKey(data: given.suffix(16))
    #expect(Array(HMAC<Insecure.MD5>.authenticationCode(for: bytes, using: key)) == digest)
  }

  @Test func whoDoesNotAskIsGivenNothing() {
    let renewal = ForceRenewal(secret: [UInt8](repeating: 7, count: 32))
    var lab = Laboratory()
    var reply = Message(.reply)
    reply.options[.messageType] = [MessageType.acknowledge.rawValue]
    renewal.prepare(&reply, to: lab.message(.request, 1), at: 5)
    #expect(reply.options[.authentication] == nil)
    reply.options[.messageType] = [MessageType.offer.rawValue]
    var discover = lab.message(.discover, 1)
    discover.options[.forceRenewNonceCapable] = [1]
    renewal.prepare(&reply, to: discover, at: 5)
    #expect(reply.options[.forceRenewNonceCapable] == [1] && reply.options[.authentication] == nil)
  }
}
