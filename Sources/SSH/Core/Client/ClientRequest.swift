/// What a client's session asks of its owner.
public enum ClientRequest: Sendable {
  /// Is this the server's key? Answered by `.hostKeyAccepted`; the signature by it is right already.
  case judgeHostKey(PublicKey)
  /// Is this the server's certificate? Its authority has signed it and its key this exchange; whether that authority may be
  /// believed, for this name and now, is the question. Answered by `.hostKeyAccepted`.
  case judgeHostCertificate(KeyCertificate)
  /// What to log in with, given the methods that the server names. Answered by `.credential`.
  case credential(methods: [String], partialSuccess: Bool)
  /// Answers to the server's questions. Answered by `.answers`.
  case answer(prompts: [String])
  /// What to do next. Answered by `.command`, as soon as there is something to do.
  case nextCommand
}

/// The answers to `ClientRequest`.
public enum ClientReply: Sendable {
  case hostKeyAccepted(Bool)
  case credential(ClientCredential)
  case answers([Credential])
  case command(ClientCommand)
}

/// What a client logs in with.
public enum ClientCredential: Sendable {
  /// Nothing: the server answers with the methods that it takes (RFC 4252 §5.2).
  case none
  case publicKey(PrivateKey)
  case password(Credential)
  case keyboardInteractive
  case giveUp
}

/// What a client's owner wants.
public enum ClientCommand: Sendable {
  /// Opens a session channel and runs something in it.
  case run(SessionStart.Program)
  /// Sends data on a channel; whatever the window does not take waits in memory.
  case send(ChannelNumber, [UInt8])
  case sendEOF(ChannelNumber)
  case close(ChannelNumber)
  /// Changes keys.
  case rekey
  case disconnect
}

/// What a client's session tells.
public enum ClientEvent: Sendable {
  case banner(String)
  case loggedIn
  case logInFailed
  case channelOpened(ChannelNumber)
  case channelRefused(ChannelNumber)
  /// What was asked for runs, or not.
  case started(ChannelNumber, Bool)
  case data(ChannelNumber, [UInt8])
  case errorData(ChannelNumber, [UInt8])
  case eof(ChannelNumber)
  case exited(ChannelNumber, ExitStatus)
  case channelClosed(ChannelNumber)
  case keysExchanged
  case disconnected(reason: UInt32, diagnosis: String)
}
