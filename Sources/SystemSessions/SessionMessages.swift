/// What a worker asks the session helper for: one program of one account.
public struct SystemSessionRequest: Hashable, Sendable, Codable {
  public enum Program: Hashable, Sendable, Codable {
    case shell
    /// A command, for the account's shell.
    case command([UInt8])
    /// SFTP, with what the account itself may see and do.
    case files
  }

  public struct Terminal: Hashable, Sendable, Codable {
    public var type: String
    public var columns, rows, width, height: UInt16
    /// The encoded modes of RFC 4254 §8.
    public var opcodes: [UInt8]
    public var values: [UInt32]

    public init(
      type: String, columns: UInt16, rows: UInt16, width: UInt16, height: UInt16, opcodes: [UInt8], values: [UInt32]
    ) {
      self.type = type
      (self.columns, self.rows, self.width, self.height) = (columns, rows, width, height)
      (self.opcodes, self.values) = (opcodes, values)
    }
  }

  /// The gate's word, signed.
  public var ticket: String
  public var program: Program
  public var terminal: Terminal?
  /// `NAME=VALUE`, as far as the server accepts them from a client.
  public var environment: [[UInt8]]
  /// The client, for PAM and the record of who is logged in, and both ends as SSH_CONNECTION has them.
  public var host: String
  public var connection: String

  public init(
    ticket: String, program: Program, terminal: Terminal?, environment: [[UInt8]], host: String, connection: String
  ) {
    self.ticket = ticket
    self.program = program
    self.terminal = terminal
    self.environment = environment
    self.host = host
    self.connection = connection
  }
}

/// What the helper answers, and tells at the end.
public enum SystemSessionReport: Hashable, Sendable, Codable {
  /// The program runs. Its descriptors come with this: the terminal, or input, output and errors.
  case started
  /// The operating system has no such account: whoever asked has sessions of the server alone.
  case noSuchAccount
  /// For the client to read.
  case refused(String)
  case ended(code: UInt32)
  case killed(signal: Int32, coreDumped: Bool)
}

/// What a worker says while the program runs.
public enum SystemSessionOrder: Hashable, Sendable, Codable {
  case signal(Int32)
}
