import Crypto

/// The forms in which DKIM looks at a message (RFC 6376 §3.4).
enum DKIMCanonical: String, Sendable {
  case simple, relaxed

  /// A header field; with its line end.
  func field(_ bytes: [UInt8]) -> [UInt8] {
    guard self == .relaxed, let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return bytes }
    var name = bytes[..<colon].map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    while name.last == 0x20 || name.last == 0x09 { name.removeLast() }
    var value: [UInt8] = []
    var hasSpace = false
    for byte in bytes[(colon + 1)...] {
      switch byte {
      case 0x0D, 0x0A: continue
      case 0x20, 0x09: hasSpace = true
      default:
        if hasSpace, !value.isEmpty { value.append(0x20) }
        hasSpace = false
        value.append(byte)
      }
    }
    return name + [UInt8(ascii: ":")] + value + [0x0D, 0x0A]
  }
}

/// Hashes a body as it comes, piece by piece, in either form (RFC 6376 §3.4.3, §3.4.4).
struct DKIMBodyHash {
  private let canonical: DKIMCanonical
  private var hash = SHA256()
  /// Line ends that count only if something follows.
  private var emptyLines = 0
  private var hasSpace = false
  private var isLineEmpty = true
  private var isAfterCR = false
  private var hasContent = false
  private var pending: [UInt8] = []
  /// Bytes that may still be hashed (`l=`).
  private var left: Int64?

  init(_ canonical: DKIMCanonical, limit: Int64? = nil) {
    self.canonical = canonical
    left = limit
    pending.reserveCapacity(8192)
  }

  mutating func take(_ bytes: [UInt8]) {
    for byte in bytes {
      switch byte {
      case 0x0D: isAfterCR = true
      case 0x0A where isAfterCR:
        isAfterCR = false
        endLine()
      case 0x20, 0x09:
        if canonical == .relaxed { hasSpace = true } else { content(byte) }
        isAfterCR = false
      default:
        isAfterCR = false
        content(byte)
      }
    }
    flush()
  }

  mutating func finish() -> [UInt8] {
    // A last line without its end gets one; an empty body is one line end in the simple form, nothing in the relaxed.
    if !isLineEmpty { endLine() }
    if hasContent || canonical == .simple { append([0x0D, 0x0A]) }
    flush()
    return [UInt8](hash.finalize())
  }

  private mutating func content(_ byte: UInt8) {
    if emptyLines > 0 {
      for _ in 0..<emptyLines { append([0x0D, 0x0A]) }
      emptyLines = 0
    }
    if hasSpace {
      append([0x20])
      hasSpace = false
    }
    append([byte])
    (isLineEmpty, hasContent) = (false, true)
  }

  /// The line end is owed: it is written before the next content, and the last one by `finish`.
  private mutating func endLine() {
    hasSpace = false
    isLineEmpty = true
    emptyLines += 1
  }

  private mutating func append(_ bytes: [UInt8]) {
    pending.append(contentsOf: bytes)
    if pending.count >= 8000 { flush() }
  }

  private mutating func flush() {
    guard !pending.isEmpty else { return }
    if let left {
      let part = pending.prefix(Int(min(left, Int64(pending.count))))
      hash.update(data: Array(part))
      self.left = left - Int64(part.count)
    } else {
      hash.update(data: pending)
    }
    pending.removeAll(keepingCapacity: true)
  }
}
