/// A program that talks to a terminal: a state machine from bytes to bytes, without I/O.
///
/// Telnet sessions, SSH channels and the local command line run it; each tells it what the terminal is, feeds it what is
/// typed, and carries out what it wants. What it writes has bare line feeds where lines end: whoever runs it knows what the
/// line needs (`CR LF` on a network virtual terminal and on a raw PTY alike).
public protocol TerminalProgram: Sendable {
  associatedtype Request: Sendable
  associatedtype Reply: Sendable
  typealias Actions = TerminalActions<Request>

  /// The terminal is there: greeting and first prompt.
  mutating func start(on terminal: TerminalDescription, into actions: inout Actions)
  /// Whether it takes input now; bytes that come meanwhile wait, or their sender does.
  var takesInput: Bool { get }
  /// Whether what is typed now must not be seen, by whoever shows it.
  var hidesInput: Bool { get }
  /// One byte that was typed.
  mutating func receive(_ byte: UInt8, into actions: inout Actions)
  /// The answer to the request with this number.
  mutating func resume(_ reply: Reply, for number: UInt64, into actions: inout Actions)
  /// The window has another size, or the client says more of itself.
  mutating func changed(_ terminal: TerminalDescription, into actions: inout Actions)
  /// All that was written has left: a long listing goes on.
  mutating func outputDrained(into actions: inout Actions)
  /// The person wants what runs to stop (Telnet IP, BRK; a signal over SSH).
  mutating func interrupt(into actions: inout Actions)
}

/// What a terminal program wants done.
public struct TerminalActions<Request: Sendable>: Sendable {
  public var output: [UInt8] = []
  public var requests: [(number: UInt64, request: Request)] = []
  /// Whether the output ends with a prompt, behind which the person is to type.
  public var endsWithPrompt = false
  /// Whether the program has ended; the terminal may be hung up once the output has left.
  public var hasEnded = false

  public init() {}

  public mutating func write(_ text: String) { output.append(contentsOf: text.utf8) }
}

/// What is known of a terminal.
public struct TerminalDescription: Sendable, Hashable {
  /// 0 while it is not known.
  public var columns: Int
  public var rows: Int
  /// In capitals, as clients send it: `XTERM-256COLOR`; empty while it is not known.
  public var type: String
  /// Whether the other side leaves it to us to show what is typed.
  public var echoes: Bool

  public init(columns: Int = 0, rows: Int = 0, type: String = "", echoes: Bool = true) {
    self.columns = min(max(0, columns), 1000)
    self.rows = min(max(0, rows), 1000)
    self.type = type
    self.echoes = echoes
  }

  /// Whether cursor movements of ECMA-48 are understood. A type that is not known says no: then lines are edited with
  /// backspaces alone, which every terminal has.
  public var hasCursor: Bool {
    let known = [
      "XTERM", "VT1", "VT2", "VT3", "VT4", "VT5", "LINUX", "SCREEN", "TMUX", "RXVT", "ANSI", "PUTTY", "KITTY",
    ]
    let more = ["ALACRITTY", "FOOT", "KONSOLE", "GNOME", "CYGWIN", "MINTTY", "WEZTERM", "ITERM", "ETERM", "SYNCTERM"]
    return (known + more).contains { type.uppercased().hasPrefix($0) }
  }

  /// The width that lines are drawn for; 80 while it is not known.
  var width: Int { columns > 0 ? max(2, columns) : 80 }
}
