import Foundation

/// Reads what strace wrote.
struct TraceParser {
  let root: String

  func parse(_ text: String) -> [RecordedCall] {
    var calls: [RecordedCall] = []
    var unfinished: [Substring: String] = [:]
    var offsets: [Int: Int] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1)
      guard parts.count == 2 else { continue }
      var call = parts[1].trimmingCharacters(in: .whitespaces)
      if call.hasSuffix("<unfinished ...>") {
        unfinished[parts[0]] = String(call.dropLast("<unfinished ...>".count))
        continue
      }
      if call.hasPrefix("<... "), let start = unfinished.removeValue(forKey: parts[0]),
        let end = call.range(of: "resumed>")
      {
        call = start + call[end.upperBound...]
      }
      if let parsed = self.call(call, &offsets) { calls.append(parsed) }
    }
    return calls
  }

  private func call(_ line: String, _ offsets: inout [Int: Int]) -> RecordedCall? {
    guard let open = line.firstIndex(of: "("), let equals = line.range(of: " = ", options: .backwards),
      let result = Int(line[equals.upperBound...].prefix { $0.isNumber || $0 == "-" }), result >= 0
    else { return nil }
    let name = line[..<open]
    let inside = line[line.index(after: open)..<equals.lowerBound].trimmingCharacters(in: .whitespaces)
    let texts = Self.texts(inside)
    let first = Int(inside.prefix { $0.isNumber })
    func path(_ index: Int) -> String? {
      guard index < texts.count else { return nil }
      let path = String(decoding: texts[index], as: UTF8.self)
      return path.hasPrefix(root) ? String(path.dropFirst(root.count)) : nil
    }
    switch name {
    case "openat":
      guard let path = path(0) else { return nil }
      offsets[result] = 0
      return .open(path: path, descriptor: result, isNew: inside.contains("O_CREAT"))
    case "close": return first.map { .close($0) }
    case "write":
      guard let first, let bytes = texts.first else { return nil }
      if first == 1 {
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasPrefix("ACK ") ? .acknowledge(String(text.dropFirst(4).dropLast())) : nil
      }
      return nil
    case "pwrite64":
      guard let first, let bytes = texts.first,
        let offset = inside.split(separator: ",").last.flatMap({ Int($0.filter(\.isNumber)) })
      else { return nil }
      return .write(first, offset: offset, bytes: Array(bytes.prefix(result)))
    case "ftruncate":
      guard let first, let size = inside.split(separator: ",").last.flatMap({ Int($0.filter(\.isNumber)) }) else {
        return nil
      }
      return .truncate(first, size)
    case "fdatasync", "fsync": return first.map { .synchronise($0) }
    case "rename":
      guard let from = path(0), let to = path(1) else { return nil }
      return .rename(from, to)
    case "unlink": return path(0).map { .remove($0) }
    case "mkdir": return path(0).map { .makeDirectory($0) }
    default: return nil
    }
  }

  /// The strings in a call, which strace wrote in hexadecimal.
  private static func texts(_ call: String) -> [[UInt8]] {
    var result: [[UInt8]] = []
    let bytes = Array(call.utf8)
    var index = 0
    func digit(_ byte: UInt8) -> UInt8 { byte < 0x3A ? byte - 0x30 : byte - 0x57 }
    while index < bytes.count {
      guard bytes[index] == 0x22 else {
        index += 1
        continue
      }
      index += 1
      var text: [UInt8] = []
      while index + 3 < bytes.count, bytes[index] == 0x5C {
        text.append(digit(bytes[index + 2]) << 4 | digit(bytes[index + 3]))
        index += 4
      }
      index += 1
      result.append(text)
    }
    return result
  }
}
