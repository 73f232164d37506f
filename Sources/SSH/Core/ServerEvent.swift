/// What a server's session tells about itself. No secret has a place here.
public enum ServerEvent: Sendable, Hashable {
  /// Keys are in use; again after each exchange.
  case keysExchanged(keyExchange: String, hostKey: String, cipherIn: String, cipherOut: String, peerSoftware: String)
  case logInFailed(user: String, method: String)
  /// Somebody has logged in; `key` is the fingerprint of the key that signed.
  case loggedIn(user: String, account: String, method: String, key: String?)
  case channelOpened(ChannelNumber, kind: String)
  case programStarted(ChannelNumber, String)
  case channelClosed(ChannelNumber)
  /// The time to log in was over.
  case graceExceeded
  /// The peer left before any attempt to log in.
  case leftWithoutAttempt
  /// The connection ended; the diagnosis is constant text.
  case disconnected(reason: UInt32, diagnosis: String)
}
