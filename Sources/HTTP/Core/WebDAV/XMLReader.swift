/// Reads XML 1.0 with namespaces, without document types: no entity can unfold, and nothing outside is fetched.
struct XMLReader {
  static let xmlSpace = "http://www.w3.org/XML/1998/namespace"
  static let maximumDepth = 32
  static let maximumElements = 4_000
  static let maximumAttributes = 64

  private let bytes: [UInt8]
  private var index = 0
  private var elements = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() -> XMLElement? {
    if starts("\u{FEFF}") { index += 3 }
    // UTF-8 alone: WebDAV clients send nothing else.
    guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
    if starts("<?xml") {
      guard skip(past: "?>") else { return nil }
    }
    guard skipMisc(), let root = element(["xml": Self.xmlSpace, "": ""], depth: 0), skipMisc(), index == bytes.count
    else { return nil }
    return root
  }

  // MARK: Pieces

  private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

  private func starts(_ text: String) -> Bool { bytes[min(index, bytes.count)...].starts(with: text.utf8) }

  private mutating func take(_ text: String) -> Bool {
    guard starts(text) else { return false }
    index += text.utf8.count
    return true
  }

  private mutating func skip(past text: String) -> Bool {
    while index < bytes.count {
      if take(text) { return true }
      index += 1
    }
    return false
  }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { index += 1 }
  }

  /// Comments and instructions between elements. A document type is refused.
  private mutating func skipMisc() -> Bool {
    while true {
      skipSpace()
      if take("<!--") {
        guard skip(past: "-->") else { return false }
      } else if take("<?") {
        guard skip(past: "?>") else { return false }
      } else {
        return true
      }
    }
  }

  private mutating func name() -> String? {
    let start = index
    while let byte = peek {
      switch byte {
      case 0x41...0x5A, 0x61...0x7A, 0x5F, 0x3A, 0x80...0xFF: index += 1
      case 0x30...0x39, 0x2D, 0x2E:
        if index == start { return nil }
        index += 1
      default: return index == start ? nil : String(decoding: bytes[start..<index], as: UTF8.self)
      }
    }
    return nil
  }

  // MARK: Elements

  private mutating func element(_ outer: [String: String], depth: Int) -> XMLElement? {
    elements += 1
    guard depth < Self.maximumDepth, elements <= Self.maximumElements, take("<"), let tag = name() else { return nil }
    guard let (attributes, spaces) = attributes(outer), let qualified = Self.qualify(tag, spaces, isElement: true)
    else {
      return nil
    }
    var element = XMLElement(qualified)
    for (name, value) in attributes {
      guard let name = Self.qualify(name, spaces, isElement: false),
        element.attributes.updateValue(value, forKey: name) == nil
      else { return nil }
    }
    if take("/>") { return element }
    guard take(">"), content(of: &element, spaces, depth) else { return nil }
    guard take("</"), name() == tag else { return nil }
    skipSpace()
    return take(">") ? element : nil
  }

  private mutating func attributes(
    _ outer: [String: String]
  ) -> (attributes: [(String, String)], spaces: [String: String])? {
    var attributes: [(String, String)] = []
    var spaces = outer
    while true {
      let before = index
      skipSpace()
      if peek == 0x3E || peek == 0x2F { return (attributes, spaces) }
      guard index > before, attributes.count < Self.maximumAttributes, let name = name() else { return nil }
      skipSpace()
      guard take("=") else { return nil }
      skipSpace()
      guard let value = quoted() else { return nil }
      if name == "xmlns" {
        spaces[""] = value
      } else if name.hasPrefix("xmlns:") {
        let prefix = String(name.dropFirst(6))
        // A prefix can't be taken back in this version of XML, nor can the reserved ones be bound.
        guard !value.isEmpty, !prefix.isEmpty, !prefix.contains(":"), prefix != "xml", prefix != "xmlns" else {
          return nil
        }
        spaces[prefix] = value
      } else {
        attributes.append((name, value))
      }
    }
  }

  private static func qualify(_ name: String, _ spaces: [String: String], isElement: Bool) -> XMLName? {
    let parts = name.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    if parts.count == 1 { return XMLName(isElement ? spaces[""] ?? "" : "", name) }
    return spaces[String(parts[0])].map { XMLName($0, String(parts[1])) }
  }

  private mutating func quoted() -> String? {
    guard let quote = peek, quote == 0x22 || quote == 0x27 else { return nil }
    index += 1
    var octets: [UInt8] = []
    while let byte = peek {
      if byte == quote {
        index += 1
        return String(decoding: octets, as: UTF8.self)
      }
      guard byte != 0x3C, character(into: &octets) else { return nil }
    }
    return nil
  }

  private mutating func content(of element: inout XMLElement, _ spaces: [String: String], _ depth: Int) -> Bool {
    var octets: [UInt8] = []
    func flush(_ octets: inout [UInt8], _ element: inout XMLElement) {
      if !octets.isEmpty { element.nodes.append(.text(String(decoding: octets, as: UTF8.self))) }
      octets = []
    }
    while let byte = peek {
      if byte != 0x3C {
        guard character(into: &octets) else { return false }
      } else if starts("</") {
        flush(&octets, &element)
        return true
      } else if take("<!--") {
        guard skip(past: "-->") else { return false }
      } else if take("<![CDATA[") {
        let start = index
        guard skip(past: "]]>") else { return false }
        octets += bytes[start..<(index - 3)]
      } else if take("<?") {
        guard skip(past: "?>") else { return false }
      } else {
        flush(&octets, &element)
        guard let child = self.element(spaces, depth: depth + 1) else { return false }
        element.nodes.append(.element(child))
      }
    }
    return false
  }

  /// One character, or a reference to one.
  private mutating func character(into octets: inout [UInt8]) -> Bool {
    guard let byte = peek else { return false }
    index += 1
    guard byte == 0x26 else {
      // Control characters are none of XML's.
      guard byte >= 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D else { return false }
      octets.append(byte)
      return true
    }
    let start = index
    while let next = peek, next != 0x3B, index - start < 12 { index += 1 }
    guard peek == 0x3B else { return false }
    let reference = String(decoding: bytes[start..<index], as: UTF8.self)
    index += 1
    switch reference {
    case "amp": octets.append(0x26)
    case "lt": octets.append(0x3C)
    case "gt": octets.append(0x3E)
    case "quot": octets.append(0x22)
    case "apos": octets.append(0x27)
    default:
      guard reference.hasPrefix("#") else { return false }
      let isHexadecimal = reference.hasPrefix("#x")
      let digits = reference.dropFirst(isHexadecimal ? 2 : 1)
      guard digits.allSatisfy(\.isHexDigit), let number = UInt32(digits, radix: isHexadecimal ? 16 : 10),
        let scalar = Unicode.Scalar(number), number >= 0x20 || [0x09, 0x0A, 0x0D].contains(number)
      else { return false }
      octets += String(Character(scalar)).utf8
    }
    return true
  }
}
