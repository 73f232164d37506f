import WireKit

/// One answer to an NTLM challenge (MS-NLMP 3.3.2), as network level authentication of remote desktops has it.
///
/// The secret that it is judged by never leaves who keeps it: challenge and answer go there.
public struct NTLMAttempt: Sendable, Codable {
  /// The names as they were given; both are part of what is judged.
  public var user: String
  public var domain: String
  /// Our challenge, 8 bytes.
  public var serverChallenge: [UInt8]
  /// NTProofStr, 16 bytes.
  public var proof: [UInt8]
  /// The client's challenge, over which the proof was made together with ours.
  public var clientChallenge: [UInt8]
  public var service: ServiceName
  public var peer: Endpoint

  public init(
    user: String, domain: String, serverChallenge: [UInt8], proof: [UInt8], clientChallenge: [UInt8],
    service: ServiceName, peer: Endpoint
  ) {
    self.user = user
    self.domain = domain
    self.serverChallenge = serverChallenge
    self.proof = proof
    self.clientChallenge = clientChallenge
    self.service = service
    self.peer = peer
  }
}

/// How it was judged.
public enum NTLMResult: Sendable, Codable {
  /// The account, and SessionBaseKey: of this exchange alone, it says nothing of the secret.
  case granted(AccountIdentity, sessionBaseKey: Secret)
  case denied
  case penalised(retryAfterSeconds: Int)
}
