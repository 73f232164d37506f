/// A name of XML with its namespace; an empty one is none.
public struct XMLName: Sendable, Hashable, Comparable, Codable {
  public var space: String
  public var local: String

  public init(_ space: String, _ local: String) {
    self.space = space
    self.local = local
  }

  /// One of WebDAV's own (RFC 4918 §21).
  public static func dav(_ local: String) -> XMLName { XMLName("DAV:", local) }

  public static func < (left: XMLName, right: XMLName) -> Bool {
    (left.space, left.local) < (right.space, right.local)
  }
}

/// An element of XML: what WebDAV needs of it.
public struct XMLElement: Sendable, Hashable {
  public indirect enum Node: Sendable, Hashable {
    case text(String)
    case element(XMLElement)
  }

  public var name: XMLName
  /// Attributes other than namespaces.
  public var attributes: [XMLName: String]
  public var nodes: [Node]

  public init(_ name: XMLName, attributes: [XMLName: String] = [:], _ nodes: [Node] = []) {
    self.name = name
    self.attributes = attributes
    self.nodes = nodes
  }

  public init(_ name: XMLName, text: String) { self.init(name, text.isEmpty ? [] : [.text(text)]) }

  public var elements: [XMLElement] { nodes.compactMap { if case .element(let element) = $0 { element } else { nil } } }
  public var text: String { nodes.map { if case .text(let text) = $0 { text } else { "" } }.joined() }
  public func first(_ name: XMLName) -> XMLElement? { elements.first { $0.name == name } }

  /// Reads a document; `nil` for what is not well-formed, has a document type or entities of its own, or is beyond the bounds.
  public init?(_ bytes: [UInt8]) {
    var reader = XMLReader(bytes)
    guard let element = reader.document() else { return nil }
    self = element
  }

  /// The document's text.
  public var document: [UInt8] {
    var output = Array("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n".utf8)
    write(into: &output, default: nil)
    output.append(0x0A)
    return output
  }

  /// The element's text: whatever it needs of namespaces stands in it. WebDAV's own have the prefix `D`.
  private func write(into output: inout [UInt8], default outer: String?) {
    let isDAV = name.space == "DAV:"
    let tag = isDAV ? "D:\(name.local)" : name.local
    output.append(0x3C)
    output += tag.utf8
    if outer == nil { output += " xmlns:D=\"DAV:\"".utf8 }
    var present = outer ?? ""
    if !isDAV, present != name.space {
      output += " xmlns=\"".utf8
      Self.escape(name.space, quoted: true, into: &output)
      output.append(0x22)
      present = name.space
    }
    for (index, attribute) in attributes.sorted(by: { $0.key < $1.key }).enumerated() {
      writeAttribute(attribute, index, into: &output)
    }
    guard !nodes.isEmpty else {
      output += "/>".utf8
      return
    }
    output.append(0x3E)
    for node in nodes {
      switch node {
      case .text(let text): Self.escape(text, quoted: false, into: &output)
      case .element(let element): element.write(into: &output, default: present)
      }
    }
    output += "</\(tag)>".utf8
  }

  private func writeAttribute(_ attribute: (key: XMLName, value: String), _ index: Int, into output: inout [UInt8]) {
    switch attribute.key.space {
    case "": output += " \(attribute.key.local)=\"".utf8
    case XMLReader.xmlSpace: output += " xml:\(attribute.key.local)=\"".utf8
    default:
      output += " xmlns:a\(index)=\"".utf8
      Self.escape(attribute.key.space, quoted: true, into: &output)
      output += "\" a\(index):\(attribute.key.local)=\"".utf8
    }
    Self.escape(attribute.value, quoted: true, into: &output)
    output.append(0x22)
  }

  private static func escape(_ text: String, quoted: Bool, into output: inout [UInt8]) {
    for byte in text.utf8 {
      switch byte {
      case 0x26: output += "&amp;".utf8
      case 0x3C: output += "&lt;".utf8
      case 0x3E: output += "&gt;".utf8
      case 0x22 where quoted: output += "&quot;".utf8
      case 0x0D: output += "&#13;".utf8
      case 0x09 where quoted, 0x0A where quoted: output += "&#\(byte);".utf8
      default: output.append(byte)
      }
    }
  }
}
