import FoundationEssentials

/// One block of a PEM file (RFC 7468): what stands between `-----BEGIN LABEL-----` and `-----END LABEL-----`.
public struct PEMBlock: Hashable, Sendable {
  /// Such as `CERTIFICATE` or `EC PRIVATE KEY`.
  public var label: String
  /// The headers of the older form (RFC 1421 §4.6), such as `Proc-Type`; names in lower case.
  public var headers: [String: String]
  /// The decoded content, usually DER.
  public var bytes: [UInt8]

  public init(label: String, headers: [String: String] = [:], bytes: [UInt8]) {
    self.label = label
    self.headers = headers
    self.bytes = bytes
  }

  /// The block as text, 64 characters a line, with an end of line.
  public var text: String {
    let encoded = Array(Data(bytes).base64EncodedString().utf8)
    var lines = ["-----BEGIN \(label)-----"]
    for start in stride(from: 0, to: encoded.count, by: 64) {
      lines.append(String(decoding: encoded[start..<min(start + 64, encoded.count)], as: UTF8.self))
    }
    lines.append("-----END \(label)-----")
    return lines.joined(separator: "\n") + "\n"
  }
}

/// Reads PEM files as people have them: several blocks, any line ends, text around and between.
public enum PEM {
  /// Most octets of a file that is read; the largest trust stores have a quarter of a megabyte.
  public static let byteCountMaximum = 4 << 20
  /// Most blocks in a file.
  public static let blockCountMaximum = 2000

  /// The blocks, in their order; none when the text has none.
  public static func blocks(in bytes: [UInt8]) throws(PEMError) -> [PEMBlock] {
    guard bytes.count <= byteCountMaximum else { throw .tooLarge }
    var blocks: [PEMBlock] = []
    var current: Partial?
    for line in bytes.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
      let text = trimmed(line)
      if let label = label(of: text, "-----BEGIN ") {
        if let current { throw .unterminated(current.label) }
        guard blocks.count < blockCountMaximum else { throw .tooLarge }
        current = Partial(label: label)
      } else if let label = label(of: text, "-----END ") {
        guard let finished = current, finished.label == label else { throw .unexpectedEnd(label) }
        blocks.append(try finished.block())
        current = nil
      } else {
        current?.append(text)
      }
    }
    if let current { throw .unterminated(current.label) }
    return blocks
  }

  private static func trimmed(_ line: ArraySlice<UInt8>) -> String {
    var line = line
    while let first = line.first, first == 0x20 || first == 0x09 { line.removeFirst() }
    if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
    while let last = line.last, last == 0x20 || last == 0x09 { line.removeLast() }
    return String(decoding: line, as: UTF8.self)
  }

  private static func label(of line: String, _ prefix: String) -> String? {
    guard line.hasPrefix(prefix), line.hasSuffix("-----"), line.count >= prefix.count + 5 else { return nil }
    return String(line.dropFirst(prefix.count).dropLast(5))
  }

  /// A block whose end has not come yet.
  private struct Partial {
    let label: String
    var headers: [String: String] = [:]
    var encoded = ""

    init(label: String) { self.label = label }

    mutating func append(_ line: String) {
      // A colon is no character of base64: such a line can only be a header.
      if encoded.isEmpty, let colon = line.firstIndex(of: ":") {
        headers[line[..<colon].lowercased()] =
          String(line[line.index(after: colon)...]).trimmingCharacters { $0 == " " || $0 == "\t" }
      } else {
        encoded += line
      }
    }

    func block() throws(PEMError) -> PEMBlock {
      guard !encoded.isEmpty, let bytes = Data(base64Encoded: encoded) else { throw .badBase64(label) }
      return PEMBlock(label: label, headers: headers, bytes: Array(bytes))
    }
  }
}

/// Why a text is no PEM file.
public enum PEMError: Error, Hashable, Sendable {
  case tooLarge
  /// A block has no end.
  case unterminated(String)
  /// An end without its beginning.
  case unexpectedEnd(String)
  /// What stands in the block is not base64.
  case badBase64(String)
}

extension PEMError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .tooLarge: "the file is too large for a PEM file"
    case .unterminated(let label): "the block '\(printable(label))' has no END line; the file seems cut off"
    case .unexpectedEnd(let label): "there is an END line for '\(printable(label))' without its BEGIN line"
    case .badBase64(let label): "the block '\(printable(label))' holds something that is not base64"
    }
  }
}

/// Text from a file or a certificate, for a terminal: control characters and what changes the writing direction are
/// shown as their numbers.
func printable(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar.value {
    case 0x00...0x1F, 0x7F...0x9F, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF:
      result += "\\u{\(String(scalar.value, radix: 16))}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}
