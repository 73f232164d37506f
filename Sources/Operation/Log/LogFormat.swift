import Services
import WireKit

/// How an event looks as one line.
public enum LogFormat: Sendable, Hashable {
  /// For people: time of day, severity, service, message, fields; with colours on a terminal.
  case human(colours: Bool)
  /// For programs: one JSON object.
  case json

  /// The line, with its line end. Whatever strangers put into a name stays one harmless line: control characters are
  /// escaped (`security.md`, log injection).
  public func line(_ event: Event) -> String {
    switch self {
    case .human(let colours): Self.human(event, colours: colours)
    case .json: Self.json(event)
    }
  }

  private static func human(_ event: Event, colours: Bool) -> String {
    let paint = { (text: String, code: String) in colours ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
    var line = paint(CivilTime(event.time).clock, "2") + " "
    line += paint(pad(event.severity.name, 8), event.severity.colour)
    line += pad(event.service?.rawValue ?? "portside", 12)
    line += event.message
    for field in attributes(event) {
      line += " " + paint(field.name + "=", "2") + quoted(field.value.text)
    }
    return line + "\n"
  }

  private static func json(_ event: Event) -> String {
    var line = "{\"time\":\"\(event.time.rfc3339)\",\"severity\":\"\(event.severity.name)\""
    if let service = event.service { line += ",\"service\":\"\(service.rawValue)\"" }
    line += ",\"message\":" + jsonString(event.message)
    for field in attributes(event) {
      line += "," + jsonString(field.name) + ":"
      switch field.value {
      case .integer(let number), .nanoseconds(let number), .bytes(let number): line += String(number)
      case .bool(let flag): line += flag ? "true" : "false"
      case .string, .address, .endpoint: line += jsonString(field.value.text)
      }
    }
    return line + "}\n"
  }

  /// The event's own columns and its fields, in one list.
  private static func attributes(_ event: Event) -> [Event.Field] {
    var fields: [Event.Field] = []
    if let session = event.session { fields.append(.init("session", .string(session.description))) }
    if let peer = event.peer { fields.append(.init("peer", .endpoint(peer))) }
    if let account = event.account { fields.append(.init("account", .string(account))) }
    switch event.kind {
    case .log, .audit: break
    case .operation(let name, let result, let nanoseconds):
      fields.append(.init("operation", .string(name)))
      fields.append(.init("result", .string(result)))
      fields.append(.init("took", .nanoseconds(Int64(clamping: nanoseconds))))
    case .conversation(let direction, let wire, let meaning):
      fields.append(.init("direction", .string(direction.rawValue)))
      fields.append(.init("wire", .string(wire)))
      fields.append(.init("meaning", .string(meaning)))
    }
    return fields + event.fields
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  private static func quoted(_ text: String) -> String {
    let plain =
      !text.isEmpty
      && text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0 != "\"" && $0 != "=" && $0 != "\\" && !$0.isUnsafe }
    return plain ? text : jsonString(text)
  }

  /// A JSON string: also the quoting of the human form, so that a pasted line reads the same everywhere.
  static func jsonString(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      default:
        if scalar.isUnsafe {
          for unit in String(scalar).utf16 {
            let digits = String(unit, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
          }
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result + "\""
  }
}

extension Unicode.Scalar {
  /// Control characters, and those that turn or hide text: none of them reaches a terminal.
  fileprivate var isUnsafe: Bool {
    switch value {
    case 0..<0x20, 0x7F..<0xA0, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x2069, 0xFEFF: true
    default: false
    }
  }
}

extension Event.Severity {
  /// The name in logs and in the configuration.
  public var name: String { String(describing: self) }

  fileprivate var colour: String {
    switch self {
    case .debug: "2"
    case .info: "36"
    case .notice: "32"
    case .warning: "33"
    case .error: "31"
    case .critical: "1;31"
    }
  }
}

extension Event.Value {
  /// The value as people read it.
  public var text: String {
    switch self {
    case .string(let text): text
    case .integer(let number), .bytes(let number): String(number)
    case .bool(let flag): flag ? "yes" : "no"
    case .address(let address): address.description
    case .endpoint(let endpoint): endpoint.description
    case .nanoseconds(let number): Self.duration(number)
    }
  }

  private static func duration(_ nanoseconds: Int64) -> String {
    let scales: [(Int64, String)] = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")]
    for (scale, unit) in scales where nanoseconds >= scale {
      let tenths = nanoseconds / (scale / 10)
      return tenths % 10 == 0 ? "\(tenths / 10)\(unit)" : "\(tenths / 10).\(tenths % 10)\(unit)"
    }
    return "\(nanoseconds)ns"
  }
}
