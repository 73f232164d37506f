/// The log-in screen, for clients that have not logged in by NLA: drawn on the terminal, worked by keyboard.
struct LogInScreen: Sendable {
  enum Outcome: Equatable {
    case nothing
    case redraw
    case submit
    case cancel
  }

  private enum Field { case name, password, code }

  /// UTF-8 bytes that a field takes at most.
  private static let maximumField = 128

  private(set) var name: String
  private(set) var password = HiddenText("")
  private(set) var code = HiddenText("")
  private var field: Field
  private var wantsCode = false
  private var isBusy = false
  private var message = ""
  private let hostname: String
  /// Bytes of a character that is not complete, or of a key's sequence.
  private var sequence: [UInt8] = []

  init(hostname: String, name: String) {
    self.hostname = hostname
    self.name = String(name.prefix(64))
    field = name.isEmpty ? .name : .password
  }

  /// Takes what the keyboard wrote.
  mutating func type(_ bytes: [UInt8]) -> Outcome {
    guard !isBusy else { return .nothing }
    // Arrows and their kin are no text; a lone ESC goes back or away.
    if bytes.first == 0x1B { return bytes.count == 1 ? escape() : .nothing }
    var outcome = Outcome.nothing
    for character in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      switch character.value {
      case 0x0D, 0x0A: outcome = enter()
      case 0x09:
        field = field == .name ? .password : .name
        outcome = .redraw
      case 0x08, 0x7F:
        edit { if !$0.isEmpty { $0.removeLast() } }
        outcome = .redraw
      case 0x15:
        edit { $0 = "" }
        outcome = .redraw
      case ..<0x20: break
      default:
        edit { if $0.utf8.count < Self.maximumField { $0.unicodeScalars.append(character) } }
        outcome = .redraw
      }
      if outcome == .submit { break }
    }
    return outcome
  }

  private mutating func edit(_ body: (inout String) -> Void) {
    switch field {
    case .name: body(&name)
    case .password:
      var text = password.value
      body(&text)
      password = HiddenText(text)
    case .code:
      var text = code.value
      body(&text)
      code = HiddenText(text)
    }
  }

  private mutating func escape() -> Outcome {
    if field == .name, name.isEmpty { return .cancel }
    (name, password, code, wantsCode, field) = ("", HiddenText(""), HiddenText(""), false, .name)
    return .redraw
  }

  private mutating func enter() -> Outcome {
    switch field {
    case .name:
      guard !name.isEmpty else { return .nothing }
      field = .password
      return .redraw
    case .password, .code:
      guard !name.isEmpty else {
        field = .name
        return .redraw
      }
      isBusy = true
      message = "One moment …"
      return .submit
    }
  }

  /// What the client sent along is being judged.
  mutating func submit() {
    isBusy = true
    message = "One moment …"
  }

  /// The log-in failed; another try.
  mutating func refuse(_ words: String) {
    (isBusy, password, code, wantsCode, field) = (false, HiddenText(""), HiddenText(""), false, .password)
    message = words
  }

  /// The password was right; the second factor's code is needed.
  mutating func askForCode() {
    (isBusy, wantsCode, field) = (false, true, .code)
    message = "Enter the code of your second factor."
  }

  // MARK: Drawing

  /// What draws it, for a terminal of this size.
  func drawing(columns: Int, rows: Int) -> [UInt8] {
    let width = min(columns - 2, 56)
    let (left, top) = ((columns - width) / 2 + 1, max(1, (rows - 11) / 2 + 1))
    var text = "\u{1B}[0m\u{1B}[?25l\u{1B}[2J"
    func line(_ row: Int, _ content: String, _ style: String = "0") {
      text += "\u{1B}[\(top + row);\(left)H\u{1B}[0;36m│\u{1B}[\(style)m" + Self.fit(content, width - 2)
      text += "\u{1B}[0;36m│"
    }
    let bar = String(repeating: "─", count: width - 2)
    text += "\u{1B}[\(top);\(left)H\u{1B}[0;36m┌\(bar)┐"
    line(1, "  " + hostname, "0;1")
    line(2, "  Portside remote desktop", "0;90")
    line(3, "")
    line(4, "  User name  " + Self.tail(name, width - 16))
    line(5, "  Password   " + String(repeating: "•", count: min(password.value.count, width - 16)))
    line(6, wantsCode ? "  Code       " + String(repeating: "•", count: min(code.value.count, width - 16)) : "")
    line(7, "")
    line(8, "  " + message, "0;33")
    line(9, "  Tab: other field   Enter: log in   Esc: start again", "0;90")
    text += "\u{1B}[\(top + 10);\(left)H\u{1B}[0;36m└\(bar)┘\u{1B}[0m"
    let entered = field == .name ? name.count : field == .password ? password.value.count : code.value.count
    let row = top + (field == .name ? 4 : field == .password ? 5 : 6)
    if !isBusy { text += "\u{1B}[\(row);\(left + 14 + min(entered, width - 16))H\u{1B}[?25h" }
    return Array(text.utf8)
  }

  /// Exactly `width` characters. Controls in a name (it comes from the peer) are left out.
  private static func fit(_ text: String, _ width: Int) -> String {
    let clean = String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }))
    return clean.count >= width
      ? String(clean.prefix(width)) : clean + String(repeating: " ", count: width - clean.count)
  }

  private static func tail(_ text: String, _ width: Int) -> String { String(text.suffix(max(1, width))) }
}
