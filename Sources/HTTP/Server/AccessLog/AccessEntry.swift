import HTTPCore
import Services
import Transport
import WireKit

/// One answered request, for the access log.
struct AccessEntry {
  var time: WallTime
  var peer: IPAddress
  var account: String?
  var host: String
  var method: String
  var target: String
  var version: HTTPVersion
  var status: Status
  /// Of the content.
  var bytes: Int64
  var nanoseconds: Int64
  var referer: String?
  var agent: String?
  var isSecure: Bool

  init(_ request: HTTPRequest, _ status: Status, on connection: Connection, at time: WallTime) {
    self.time = time
    peer = connection.peer.address
    account = request.account
    host = request.host
    method = request.methodName
    target = (request.form == .asterisk ? "*" : request.path) + (request.query.map { "?\($0)" } ?? "")
    version = request.version
    self.status = status
    bytes = 0
    nanoseconds = 0
    referer = request.fields[.referer]
    agent = request.fields[.userAgent]
    isSecure = connection.isEncrypted
  }

  /// `192.0.2.7 - ann@lab.test [25/Nov/2026:16:00:00 +0000] "GET / HTTP/1.1" 200 512 "-" "curl/8.5"`: Apache's
  /// combined format, that every log reader knows.
  var combined: String {
    let civil = CivilTime(time)
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let day = (civil.day < 10 ? "0" : "") + String(civil.day)
    let date = "\(day)/\(months[min(max(civil.month - 1, 0), 11)])/\(civil.year):\(civil.clock) +0000"
    let user = account.map { Self.escaped($0, spaces: true) } ?? "-"
    let line = Self.escaped("\(method) \(target) \(version == .http2 ? "HTTP/2.0" : version.description)")
    return "\(peer) - \(user) [\(date)] \"\(line)\" \(status.code) \(bytes) \"\(Self.escaped(referer ?? "-"))\" "
      + "\"\(Self.escaped(agent ?? "-"))\"\n"
  }

  /// One object a line.
  var json: String {
    var fields = [
      ("time", CivilTime(time).rfc3339), ("peer", peer.description), ("host", host), ("method", method),
      ("target", target), ("version", version.description),
    ]
    if let account { fields.append(("account", account)) }
    if let referer { fields.append(("referer", referer)) }
    if let agent { fields.append(("agent", agent)) }
    let texts = fields.map { "\"\($0.0)\":\"\(Self.escapedJSON($0.1))\"" }.joined(separator: ",")
    return "{\(texts),\"status\":\(status.code),\"bytes\":\(bytes),\"microseconds\":\(nanoseconds / 1000),"
      + "\"tls\":\(isSecure)}\n"
  }

  /// Quotes, backslashes and whatever is no visible ASCII as `\xHH`, as nginx writes them: no request forges a line.
  private static func escaped(_ text: String, spaces: Bool = false) -> String {
    if text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C || $0 == 0x20 && !spaces }) {
      return text
    }
    var result = ""
    for byte in text.utf8 {
      if byte > 0x20 && byte < 0x7F && byte != 0x22 && byte != 0x5C || byte == 0x20 && !spaces {
        result.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        result += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return result
  }

  private static func escapedJSON(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22: result += "\\\""
      case 0x5C: result += "\\\\"
      case 0..<0x20, 0x7F...0x9F, 0x2028, 0x2029:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
