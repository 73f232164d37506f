/// Encoded words in header fields (RFC 2047): `=?iso-8859-1?Q?Andr=E9?=`.
public enum EncodedWord {
  /// The text with its encoded words decoded. White space between two of them is dropped (§6.2), and their bytes are put
  /// together first where they have the same character set, because senders cut characters apart.
  public static func decode(_ text: String) -> String {
    let bytes = Array(text.utf8)
    guard text.contains("=?") else { return text }
    var result = ""
    var plainStart = 0
    var index = 0
    /// Bytes of encoded words that follow each other in one character set.
    var run: (charset: String, bytes: [UInt8])?
    func flush() {
      guard let open = run else { return }
      result += Charset.decodeLeniently(open.bytes, charset: open.charset)
      run = nil
    }
    while index < bytes.count {
      guard bytes[index] == 0x3D, let word = parse(bytes, at: index) else {
        index += 1
        continue
      }
      let between = bytes[plainStart..<index]
      if run == nil || !between.allSatisfy(Scanner.isSpace) {
        flush()
        result += String(decoding: between, as: UTF8.self)
      }
      if let open = run, open.charset == word.charset {
        run = (open.charset, open.bytes + word.content)
      } else {
        flush()
        run = (word.charset, word.content)
      }
      index = word.end
      plainStart = index
    }
    flush()
    return result + String(decoding: bytes[plainStart...], as: UTF8.self)
  }

  private struct Word {
    var charset: String
    var content: [UInt8]
    var end: Int
  }

  private static func parse(_ bytes: [UInt8], at start: Int) -> Word? {
    guard start + 1 < bytes.count, bytes[start + 1] == 0x3F else { return nil }
    guard let first = find(0x3F, in: bytes, from: start + 2, limit: 80), first > start + 2,
      first + 2 < bytes.count, bytes[first + 2] == 0x3F,
      let end = find(0x3F, in: bytes, from: first + 3, limit: 1_000), end + 1 < bytes.count, bytes[end + 1] == 0x3D
    else { return nil }
    let name = bytes[(start + 2)..<first]
    guard name.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    // The language (RFC 2231 §5) says nothing about the bytes.
    let charset = String(decoding: name.prefix { $0 != 0x2A }, as: UTF8.self)
    let text = bytes[(first + 3)..<end]
    switch bytes[first + 1] {
    case 0x42, 0x62: return Word(charset: charset, content: Base64.decode(text), end: end + 2)
    case 0x51, 0x71: return Word(charset: charset, content: decodeQ(text), end: end + 2)
    default: return nil
    }
  }

  private static func find(_ byte: UInt8, in bytes: [UInt8], from start: Int, limit: Int) -> Int? {
    var index = start
    while index < min(bytes.count, start + limit) {
      if bytes[index] == byte { return index }
      index += 1
    }
    return nil
  }

  private static func decodeQ(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var index = text.startIndex
    while index < text.endIndex {
      if text[index] == 0x3D, index + 2 < text.endIndex, let high = hexValue(text[index + 1]),
        let low = hexValue(text[index + 2])
      {
        result.append(high << 4 | low)
        index += 3
        continue
      }
      result.append(text[index] == 0x5F ? 0x20 : text[index])
      index += 1
    }
    return result
  }

  /// The text as it may stand in an unstructured field or a phrase: itself when it is printable ASCII, otherwise encoded
  /// words of at most 75 characters, divided by spaces.
  public static func encode(_ text: String) -> String {
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }), !text.contains("=?") { return text }
    var words: [String] = []
    var chunk: [UInt8] = []
    for character in text.unicodeScalars {
      let next = Array(String(character).utf8)
      // 45 bytes are 60 characters of base64.
      if chunk.count + next.count > 45 {
        words.append("=?utf-8?B?\(Base64.encode(chunk))?=")
        chunk.removeAll()
      }
      chunk += next
    }
    if !chunk.isEmpty { words.append("=?utf-8?B?\(Base64.encode(chunk))?=") }
    return words.joined(separator: " ")
  }
}
