import WireKit

/// Why a connection can't go on: the reason that the peer is told, and a diagnosis that is for our side alone.
public struct SSHError: Error, Sendable, CustomStringConvertible {
  public let reason: DisconnectReason
  /// Constant text: it never holds anything that a peer sent.
  public let diagnosis: StaticString

  public init(_ reason: DisconnectReason, _ diagnosis: StaticString) {
    self.reason = reason
    self.diagnosis = diagnosis
  }

  /// What a codec refused is a protocol error.
  public init(_ error: WireError) { self.init(.protocolError, error.subject) }

  /// Any error that a machine threw. Errors of the crypto library carry no more than that something did not verify.
  init(_ error: any Error) {
    switch error {
    case let error as SSHError: self = error
    case let error as WireError: self.init(error)
    default: self.init(.keyExchangeFailed, "refused by the crypto library")
    }
  }

  public var description: String { "\(diagnosis) (\(reason))" }
}
