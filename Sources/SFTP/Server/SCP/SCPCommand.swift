/// The command that `scp` runs at the far end (`scp -t`, `scp -f`), which a server of virtual accounts answers itself.
///
/// The protocol has no specification; this is what OpenSSH's scp(1) and its ancestor rcp do.
public struct SCPCommand: Sendable, Hashable {
  public enum Direction: Sendable, Hashable {
    /// `-t`: the client sends.
    case toServer
    /// `-f`: the client receives.
    case toClient
  }

  public var direction: Direction
  /// `-r`: folders as well.
  public var isRecursive = false
  /// `-p`: times and permissions.
  public var keepsAttributes = false
  /// `-d`: what is sent goes into a folder.
  public var needsFolder = false
  /// In bytes, as clients name them.
  public var paths: [[UInt8]] = []

  /// `nil` for every other command, and for one with anything in it that only a shell could carry out.
  public init?(_ command: [UInt8]) {
    guard var words = Self.words(command)?[...], let name = words.popFirst(),
      name.elementsEqual("scp".utf8) || name.elementsEqual("/usr/bin/scp".utf8)
    else { return nil }
    var directions: [Direction] = []
    while let word = words.first, word.first == 0x2D, word.count > 1 {
      words = words.dropFirst()
      if word.elementsEqual("--".utf8) { break }
      for letter in word.dropFirst() {
        switch letter {
        case UInt8(ascii: "t"): directions.append(.toServer)
        case UInt8(ascii: "f"): directions.append(.toClient)
        case UInt8(ascii: "r"): isRecursive = true
        case UInt8(ascii: "p"): keepsAttributes = true
        case UInt8(ascii: "d"): needsFolder = true
        case UInt8(ascii: "v"), UInt8(ascii: "q"): break
        default: return nil
        }
      }
    }
    guard directions.count == 1, !words.isEmpty, directions == [.toClient] || words.count == 1 else { return nil }
    direction = directions[0]
    paths = Array(words)
  }

  /// Words as a shell cuts them, without what else a shell does.
  private static func words(_ command: [UInt8]) -> [[UInt8]]? {
    var words: [[UInt8]] = []
    var word: [UInt8]?
    var rest = command[...]
    while let byte = rest.popFirst() {
      switch byte {
      case 0x20, 0x09:
        if let done = word { words.append(done) }
        word = nil
      case UInt8(ascii: "'"):
        guard let end = rest.firstIndex(of: UInt8(ascii: "'")) else { return nil }
        word = (word ?? []) + rest[..<end]
        rest = rest[(end + 1)...]
      case UInt8(ascii: "\""):
        guard let quoted = takeQuoted(&rest) else { return nil }
        word = (word ?? []) + quoted
      case UInt8(ascii: "\\"):
        guard let next = rest.popFirst() else { return nil }
        word = (word ?? []) + [next]
      case 0, 0x0A, UInt8(ascii: "$"), UInt8(ascii: "`"), UInt8(ascii: ";"), UInt8(ascii: "&"), UInt8(ascii: "|"),
        UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "("), UInt8(ascii: ")"):
        return nil
      default: word = (word ?? []) + [byte]
      }
      guard words.count <= 1_000 else { return nil }
    }
    if let word { words.append(word) }
    return words
  }

  private static func takeQuoted(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
    var text: [UInt8] = []
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\""): return text
      case UInt8(ascii: "\\"):
        guard let next = rest.popFirst() else { return nil }
        text.append(next)
      case UInt8(ascii: "$"), UInt8(ascii: "`"): return nil
      default: text.append(byte)
      }
    }
    return nil
  }
}
