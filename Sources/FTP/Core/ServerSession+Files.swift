import WireKit

/// Names and attributes (RFC 959 §4.1.3, RFC 3659, draft-somers-ftp-mfxx, draft-bryan-ftpext-hash).
extension FTPServerSession {
  mutating func takeFile(_ verb: FTPVerb, _ command: FTPCommand, _ actions: inout Actions) -> Bool {
    let path = command.argument
    switch verb.name {
    case "CWD", "SMNT": ask(.changeDirectory(path), .command(verb), &actions)
    case "CDUP": ask(.changeDirectory(Array("..".utf8)), .command(verb), &actions)
    case "PWD": ask(.workingDirectory, .command(verb), &actions)
    case "MKD": ask(.makeDirectory(path), .command(verb), &actions)
    case "RMD": ask(.removeDirectory(path), .command(verb), &actions)
    case "DELE": ask(.delete(path), .command(verb), &actions)
    case "RNFR":
      renameFrom = path
      ask(.renameFrom(path), .command(verb), &actions)
    case "RNTO":
      guard let from = renameFrom else { return refused(503, "RNFR comes first.", &actions) }
      renameFrom = nil
      ask(.rename(from, to: path), .command(verb), &actions)
    case "SIZE": ask(.size(path, isText: isText), .command(verb), &actions)
    case "MDTM": modificationTime(verb, path, &actions)
    case "MFMT":
      guard let (time, path) = Self.timeAndPath(path) else { return refused(501, "MFMT \(verb.rule.syntax)", &actions) }
      ask(.change(path, FTPFactChanges(modified: time)), .command(verb), &actions)
    case "MFF": modifyFacts(verb, path, &actions)
    case "MLST": ask(.facts(path.isEmpty ? nil : path, facts), .command(verb), &actions)
    case "HASH":
      let request = FTPRequest.hash(path, hash, from: range?.first ?? 0, through: range?.last)
      range = nil
      ask(request, .command(verb), &actions)
    case "AVBL": ask(.available(path.isEmpty ? nil : path), .command(verb), &actions)
    case "SITE": site(verb, path, &actions)
    default: return false
    }
    return true
  }

  /// The word and, behind one space, the rest.
  private static func split(_ bytes: [UInt8]) -> (word: String, rest: [UInt8]) {
    let word = bytes.prefix { $0 != 0x20 }
    return (String(decoding: word, as: UTF8.self), Array(bytes.dropFirst(word.count + 1)))
  }

  private static func timeAndPath(_ bytes: [UInt8]) -> (FTPTime, [UInt8])? {
    let (word, path) = split(bytes)
    guard let time = FTPTime(word), !path.isEmpty else { return nil }
    return (time, path)
  }

  /// `MDTM path`; and `MDTM YYYYMMDDHHMMSS path`, by which some clients set it.
  private mutating func modificationTime(_ verb: FTPVerb, _ path: [UInt8], _ actions: inout Actions) {
    if let (time, path) = Self.timeAndPath(path), path.first != 0x20 {
      return ask(.change(path, FTPFactChanges(modified: time)), .command(FTPVerb("MFMT" as StaticString)), &actions)
    }
    ask(.modified(path), .command(verb), &actions)
  }

  /// `MFF modify=20260325081530;UNIX.mode=0640; path`
  private mutating func modifyFacts(_ verb: FTPVerb, _ argument: [UInt8], _ actions: inout Actions) {
    let (facts, path) = Self.split(argument)
    var changes = FTPFactChanges()
    for fact in facts.split(separator: ";") {
      let halves = fact.split(separator: "=", maxSplits: 1).map(String.init)
      guard halves.count == 2 else { return refuse(FTPReply(501, "MFF \(verb.rule.syntax)"), &actions) }
      switch halves[0].lowercased() {
      case "modify":
        guard let time = FTPTime(halves[1]) else { return refuse(FTPReply(501, "modify=YYYYMMDDHHMMSS"), &actions) }
        changes.modified = time
      case "unix.mode":
        guard let mode = UInt32(halves[1], radix: 8), mode <= 0o7777 else {
          return refuse(FTPReply(501, "UNIX.mode=<octal>"), &actions)
        }
        changes.permissions = mode & 0o1777
      default: return refuse(FTPReply(504, "Facts that can be set: modify, UNIX.mode"), &actions)
      }
    }
    guard !path.isEmpty, changes != FTPFactChanges() else {
      return refuse(FTPReply(501, "MFF \(verb.rule.syntax)"), &actions)
    }
    ask(.change(path, changes), .command(verb), &actions)
  }

  /// SITE CHMOD, UTIME, HELP, as other servers have them.
  private mutating func site(_ verb: FTPVerb, _ argument: [UInt8], _ actions: inout Actions) {
    let (word, rest) = Self.split(argument)
    switch word.uppercased() {
    case "HELP":
      let lines = ["CHMOD <octal> <path>", "UTIME <YYYYMMDDHHMMSS> <path>", "HELP"].map { Array($0.utf8) }
      reply(.list(214, "SITE commands:", lines, "End"), &actions)
    case "CHMOD":
      let (mode, path) = Self.split(rest)
      // Set-user and set-group bits are not for clients to give.
      guard let mode = UInt32(mode, radix: 8), mode <= 0o7777, !path.isEmpty else {
        return refuse(FTPReply(501, "SITE CHMOD <octal> <path>"), &actions)
      }
      ask(.change(path, FTPFactChanges(permissions: mode & 0o1777)), .command(verb), &actions)
    case "UTIME": utime(verb, rest, &actions)
    default: refuse(FTPReply(504, "SITE CHMOD, UTIME or HELP"), &actions)
    }
  }

  /// `UTIME time path`, or the older `UTIME path atime mtime ctime UTC`.
  private mutating func utime(_ verb: FTPVerb, _ argument: [UInt8], _ actions: inout Actions) {
    if let (time, path) = Self.timeAndPath(argument) {
      return ask(.change(path, FTPFactChanges(modified: time)), .command(verb), &actions)
    }
    let words = argument.split(separator: 0x20, omittingEmptySubsequences: false)
    guard words.count >= 5, words[words.count - 1].elementsEqual("UTC".utf8),
      let time = FTPTime(String(decoding: words[words.count - 3], as: UTF8.self))
    else { return refuse(FTPReply(501, "SITE UTIME <YYYYMMDDHHMMSS> <path>"), &actions) }
    let path = Array(words[..<(words.count - 4)].joined(separator: [0x20]))
    ask(.change(path, FTPFactChanges(modified: time)), .command(verb), &actions)
  }
}
