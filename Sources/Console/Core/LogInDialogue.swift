/// Asks for name, password and, when it is needed, a code: what stands before a console where the line itself does not log
/// anybody in (Telnet, a serial line).
///
/// The answer to a wrong name and to a wrong password is the same, and so is the way to it.
public struct LogInDialogue: Sendable {
  /// What was typed.
  public struct Attempt: Sendable, Hashable {
    public var name: String
    public var password: HiddenText
    /// The code of the second factor, once it was asked for.
    public var code: HiddenText?
  }

  public enum Outcome: Sendable {
    case none
    case attempt(Attempt)
    /// Ctrl-D, or Ctrl-C at the name.
    case abandoned
  }

  private enum Step: Sendable { case name, password, code }

  /// Attempts before the line is hung up.
  static let maximumAttempts = 3
  /// Most characters of what is typed.
  static let maximumLength = 256

  private var step = Step.name
  private var editor = LineEditor()
  private var keys = KeyDecoder()
  private var name = ""
  private var password = ""
  private var failures = 0

  public init() {}

  /// Whether what is typed must not be seen.
  public var hidesInput: Bool { step != .name }

  public mutating func start(on terminal: TerminalDescription, into output: inout [UInt8]) {
    editor = LineEditor(terminal: terminal)
    ask(.name, into: &output)
  }

  public mutating func changed(_ terminal: TerminalDescription) {
    var nothing: [UInt8] = []
    editor.changed(terminal, into: &nothing, redraws: false)
  }

  public mutating func receive(_ byte: UInt8, into output: inout [UInt8]) -> Outcome {
    guard let key = keys.decode(byte) else { return .none }
    switch editor.take(key, into: &output) {
    case .line(let line): return entered(line, into: &output)
    case .interrupted:
      output.append(0x0A)
      if step == .name { return .abandoned }
      ask(.name, into: &output)
    case .end: return .abandoned
    case .help:
      if editor.line.count < Self.maximumLength { _ = editor.insert(["?"], into: &output) }
    case .none where editor.line.count > Self.maximumLength:
      // Nobody's name: begin anew, rather than to cut it off.
      output.append(0x0A)
      ask(.name, into: &output)
    case .none, .complete, .bell: break
    }
    return .none
  }

  private mutating func entered(_ line: String, into output: inout [UInt8]) -> Outcome {
    switch step {
    case .name:
      name = line
      while name.last == " " { name.removeLast() }
      ask(name.isEmpty ? .name : .password, into: &output)
      return .none
    case .password:
      password = line
      return .attempt(Attempt(name: name, password: HiddenText(Array(line.utf8))))
    case .code:
      return .attempt(
        Attempt(
          name: name, password: HiddenText(Array(password.utf8)),
          code: HiddenText(Array(line.utf8.filter { $0 != 0x20 }))))
    }
  }

  /// The password was right, and a code is needed.
  public mutating func codeNeeded(into output: inout [UInt8]) { ask(.code, into: &output) }

  /// It was refused. Returns whether another attempt is allowed.
  public mutating func refused(into output: inout [UInt8]) -> Bool {
    failures += 1
    password = ""
    output.append(contentsOf: "Log-in incorrect\n".utf8)
    guard failures < Self.maximumAttempts else { return false }
    ask(.name, into: &output)
    return true
  }

  private mutating func ask(_ step: Step, into output: inout [UInt8]) {
    self.step = step
    switch step {
    case .name:
      password = ""
      editor.begin("login: ", into: &output)
    case .password: editor.begin("Password: ", isHidden: true, into: &output)
    case .code: editor.begin("Code: ", isHidden: true, into: &output)
    }
  }
}
