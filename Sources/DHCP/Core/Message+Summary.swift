import WireKit

extension Message {
  /// The message in words: each option by its name.
  public var summary: String {
    var parts = [type.map { "\($0)" } ?? "bootp \(operation)", "from \(Hexadecimal.text(hardwareAddress))"]
    for (name, address) in [
      ("client", clientAddress), ("your", yourAddress), ("next server", nextServer), ("relay", relayAddress),
    ] where !address.isUnspecified { parts.append("\(name) \(address)") }
    if !bootFile.isEmpty { parts.append("file \(Hexadecimal.printable(bootFile))") }
    for item in options.items where item.code != OptionCode.messageType.rawValue {
      if let definition = OptionDefinition.numbered(item.code) {
        parts.append("\(definition.name) \(definition.describe(item.bytes))")
      } else {
        parts.append("option \(item.code) \(Hexadecimal.text(item.bytes))")
      }
    }
    return parts.joined(separator: "; ")
  }
}
