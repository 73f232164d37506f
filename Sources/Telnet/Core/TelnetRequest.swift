import ConsoleCore

/// What a Telnet server's session asks.
public enum TelnetRequest<ProgramRequest: Sendable>: Sendable {
  /// Whether this person may in; the answer brings the program that they are to use.
  case logIn(LogInDialogue.Attempt)
  case program(ProgramRequest, number: UInt64)
}

/// What it is told.
public enum TelnetReply<Program: TerminalProgram>: Sendable {
  case granted(Program, account: String)
  case denied
  case codeNeeded
  case penalised(seconds: Int)
  /// Nobody can say at the moment.
  case unavailable
  case program(Program.Reply, number: UInt64)
}
