import DNSCore
import WireKit

/// The text of a response as dig prints it.
public enum DigOutput {
  /// All sections, each with its heading, and how the answer came.
  public static func text(_ response: DNSResponse) -> String {
    let message = response.message
    var lines = [
      ";; ->>HEADER<<- opcode: \(message.header.opcode), status: \(message.responseCode), id: \(message.header.id)",
      ";; flags:\(flags(message.header.flags)); QUERY: \(message.questions.count), ANSWER: \(message.answers.count), "
        + "AUTHORITY: \(message.authorities.count), "
        + "ADDITIONAL: \(message.additionals.count + (message.edns == nil ? 0 : 1))",
    ]
    if let edns = message.edns { lines += ["", ";; OPT PSEUDOSECTION:"] + text(edns) }
    lines += ["", ";; QUESTION SECTION:"]
    lines += message.questions.map { ";\($0.name)\t\t\($0.recordClass)\t\($0.type)" }
    lines += section("ANSWER", message.answers)
    lines += section("AUTHORITY", message.authorities)
    lines += section("ADDITIONAL", message.additionals)
    let milliseconds = response.elapsed.wholeNanoseconds / 1_000_000
    lines += [
      "", ";; Query time: \(milliseconds) msec",
      ";; SERVER: \(response.server) (\(response.transport.rawValue))", ";; MSG SIZE rcvd: \(response.byteCount)",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  private static func section(_ name: String, _ records: [ResourceRecord]) -> [String] {
    guard !records.isEmpty else { return [] }
    return ["", ";; \(name) SECTION:"]
      + records.map { "\($0.name)\t\($0.ttl)\t\($0.recordClass)\t\($0.type)\t\($0.data)" }
  }

  private static func flags(_ flags: Header.Flags) -> String {
    let names: [(Header.Flags, String)] = [
      (.response, "qr"), (.authoritative, "aa"), (.truncated, "tc"), (.recursionDesired, "rd"),
      (.recursionAvailable, "ra"), (.authenticData, "ad"), (.checkingDisabled, "cd"),
    ]
    return names.filter { flags.contains($0.0) }.map { " " + $0.1 }.joined()
  }

  private static func text(_ edns: EDNS) -> [String] {
    var lines = ["; EDNS: version: \(edns.version), flags:\(edns.wantsDNSSEC ? " do" : ""); udp: \(edns.udpSize)"]
    for option in edns.options {
      if let error = ExtendedError(option) {
        lines.append("; EDE: \(error.code)\(error.text.isEmpty ? "" : " (\(printable(Array(error.text.utf8))))")")
      } else if option.code == EDNSOption.nsid {
        lines.append("; NSID: \(hex(option.data)) (\"\(printable(option.data))\")")
      } else if option.code == EDNSOption.cookie {
        lines.append("; COOKIE: \(hex(option.data))")
      } else {
        lines.append("; OPT=\(option.code): \(hex(option.data))")
      }
    }
    return lines
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Text from a peer, for a terminal: nothing in it that the terminal would act on.
  private static func printable(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: ".") }, as: UTF8.self)
  }
}
