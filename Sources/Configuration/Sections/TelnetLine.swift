import WireKit

/// `[telnet.lines.NAME]`: a serial line through the network.
public struct TelnetLine: ConfigurationRecord {
  public enum Flow: String, ConfigurationChoice {
    case none, software, hardware
  }

  public var device: AbsolutePath
  public var port = ListenPort.number(0)
  public var speed = 9600
  public var format = PlainText("8N1")
  public var flow = Flow.none
  public var from: [IPNetwork] = []

  public static let schema = Schema(
    TelnetLine(device: AbsolutePath(constant: "/dev/null")),
    "A serial line through the network: Telnet with COM-PORT control (RFC 2217)."
  ) { keys in
    keys.key("device", \.device, .text(), "The device.", example: "\"/dev/ttyUSB0\"", isRequired: true)
    keys.key(
      "port", \.port, .port, "The port that leads to it, on the addresses of `telnet.on`.",
      details: "0 takes any free port, `\"off\"` none.", example: "2301", isRequired: true)
    keys.key(
      "speed", \.speed, .integer(50...4_000_000), "Bits a second, until a client asks for others.", example: "115200")
    keys.key(
      "format", \.format, .text(), "Data bits, parity (N, O, E, M, S) and stop bits.", example: "\"8N1\"")
    keys.key("flow", \.flow, .choice, "The flow control.", example: "\"hardware\"")
    keys.key(
      "from", \.from, .list(.text()), "Who may use the line, besides this machine itself: there is no log-in to it.",
      example: "[\"192.168.10.0/24\"]")
  }

  /// Whether this peer may have the line.
  public func serves(_ peer: IPAddress) -> Bool { peer.isLoopback || from.contains { $0.contains(peer) } }

  public func problems() -> [Problem] {
    let characters = Array(format.description.uppercased())
    let isRight =
      characters.count == 3 && "5678".contains(characters[0]) && "NOEMS".contains(characters[1])
      && "12".contains(characters[2])
    var problems =
      isRight
      ? [] : [Problem(ConfigurationPath("format"), "\"\(format)\" is no format of a serial line", hint: "such as 8N1")]
    problems += from.enumerated().filter { $0.element.prefixLength == 0 }.map { index, network in
      Problem(
        ConfigurationPath("from").appending(index: index),
        "\(network) is every address: whoever reaches the port has the device's console",
        hint: "name the networks that are meant")
    }
    return problems
  }
}
