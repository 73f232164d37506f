import HTTPCore
import WireKit

extension FuzzTarget {
  static let webDAVDocument = FuzzTarget(
    "webdav-document", "XML that is read is written so that it reads the same, and no entity unfolds."
  ) { bytes in
    _ = PropertyRequest(bytes)
    _ = PropertyChanges(bytes)
    _ = LockRequest(bytes)
    guard let element = XMLElement(bytes) else { return }
    let written = element.document
    try require(written.count <= bytes.count * 40 + 1_000, "\(bytes.count) octets became \(written.count)")
    guard let again = XMLElement(written) else { throw BrokenInvariant("what was written is not read") }
    try require(again == XMLElement(again.document), "another form")
    try require(again.name == element.name && again.text == element.text, "another element")
  }

  static let webDAVCondition = FuzzTarget(
    "webdav-condition", "A condition that is taken has lists, and each list conditions; tokens are those that it names."
  ) { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    _ = Depth(text)
    _ = LockTimeout.seconds(text)
    guard let header = IfHeader(text) else { return }
    try require(!header.lists.isEmpty && header.lists.allSatisfy { !$0.conditions.isEmpty }, "an empty list")
    try require(header.tokens.allSatisfy { text.contains($0) }, "a token from nowhere")
  }

  static let basicCredentials = FuzzTarget(
    "http-basic", "Credentials that are taken have a name of UTF-8 without control characters."
  ) { bytes in
    guard let credentials = BasicCredentials(bytes.span.bytes) else { return }
    try require(
      credentials.name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }, "a control character")
    try require(!credentials.name.contains(":"), "a colon")
  }
}
