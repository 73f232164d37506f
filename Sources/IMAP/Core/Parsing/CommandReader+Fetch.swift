/// FETCH's items (RFC 9051 §6.4.5).
extension CommandReader {
  mutating func fetchItems() throws(CommandSyntaxError) -> [FetchItem] {
    if peek() == UInt8(ascii: "(") {
      var items: [FetchItem] = []
      try list { reader throws(CommandSyntaxError) in
        for item in try reader.fetchItemOrMacro(allowsMacro: false) where !items.contains(item) { items.append(item) }
        guard items.count <= 200 else { throw CommandSyntaxError("Too many items") }
      }
      return items
    }
    return try fetchItemOrMacro(allowsMacro: true)
  }

  private mutating func fetchItemOrMacro(allowsMacro: Bool) throws(CommandSyntaxError) -> [FetchItem] {
    let name = try itemName()
    switch name {
    case "ALL" where allowsMacro: return [.flags, .internalDate, .size, .envelope]
    case "FAST" where allowsMacro: return [.flags, .internalDate, .size]
    case "FULL" where allowsMacro: return [.flags, .internalDate, .size, .envelope, .bodyShape]
    case "FLAGS": return [.flags]
    case "INTERNALDATE": return [.internalDate]
    case "RFC822.SIZE": return [.size]
    case "UID": return [.uid]
    case "ENVELOPE": return [.envelope]
    case "BODYSTRUCTURE": return [.bodyStructure]
    case "MODSEQ": return [.modSequence]
    case "EMAILID": return [.emailID]
    case "THREADID": return [.threadID]
    case "SAVEDATE": return [.saveDate]
    case "PREVIEW": return [.preview(isLazy: try acceptLazy())]
    case "RFC822": return [.section(FetchSection(form: .rfc822))]
    case "RFC822.HEADER": return [.section(FetchSection(form: .rfc822, specifier: .header, isPeek: true))]
    case "RFC822.TEXT": return [.section(FetchSection(form: .rfc822, specifier: .text))]
    case "BODY":
      guard peek() == UInt8(ascii: "[") else { return [.bodyShape] }
      return [.section(try section(form: .body, isPeek: false))]
    case "BODY.PEEK": return [.section(try section(form: .body, isPeek: true))]
    case "BINARY": return [.section(try section(form: .binary, isPeek: false))]
    case "BINARY.PEEK": return [.section(try section(form: .binary, isPeek: true))]
    case "BINARY.SIZE":
      let section = try section(form: .binary, isPeek: true)
      return [.binarySize(section.part)]
    default: throw CommandSyntaxError("There is no such item to fetch")
    }
  }

  /// ` (LAZY)` behind PREVIEW (RFC 8970 §3.1).
  private mutating func acceptLazy() throws(CommandSyntaxError) -> Bool {
    guard peek() == UInt8(ascii: " "), peek(1) == UInt8(ascii: "(") else { return false }
    try space()
    var isLazy = false
    try list { reader throws(CommandSyntaxError) in
      guard try reader.keyword() == "LAZY" else { throw CommandSyntaxError("There is no such way to preview") }
      isLazy = true
    }
    return isLazy
  }

  private mutating func section(form: FetchSection.Form, isPeek: Bool) throws(CommandSyntaxError) -> FetchSection {
    var section = FetchSection(form: form, isPeek: isPeek)
    try expect("[", "A section is missing")
    while let digit = peek(), (0x30...0x39).contains(digit) {
      section.part.append(try positive())
      guard section.part.count <= 100 else { throw CommandSyntaxError("A section's path is too long") }
      if !accept(".") { break }
    }
    let endsWithDot = !section.part.isEmpty && offset > 0 && bytes[offset - 1] == UInt8(ascii: ".")
    if peek() != UInt8(ascii: "]") {
      guard form == .body, section.part.isEmpty || endsWithDot else {
        throw CommandSyntaxError("A section's path is numbers with dots")
      }
      section.specifier = try specifier(isPart: !section.part.isEmpty)
    } else if endsWithDot {
      throw CommandSyntaxError("A section's path is numbers with dots")
    }
    try expect("]", "A section has no end")
    if accept("<") {
      let offset = try number()
      try expect(".", "A partial fetch is <offset.count>")
      let count = try positive()
      try expect(">", "A partial fetch has no end")
      section.partial = .init(offset: offset, count: count)
    }
    return section
  }

  private mutating func specifier(isPart: Bool) throws(CommandSyntaxError) -> FetchSection.Specifier {
    switch try keyword("A section is missing") {
    case "HEADER": return .header
    case "TEXT": return .text
    case "MIME":
      guard isPart else { throw CommandSyntaxError("MIME needs a part") }
      return .mime
    case "HEADER.FIELDS": return .headerFields(try fieldNames())
    case "HEADER.FIELDS.NOT": return .headerFieldsNot(try fieldNames())
    default: throw CommandSyntaxError("There is no such section")
    }
  }

  private mutating func fieldNames() throws(CommandSyntaxError) -> [String] {
    try space()
    var names: [String] = []
    try list { reader throws(CommandSyntaxError) in
      let name = try reader.astring("A field's name is missing")
      guard name.count <= 200, name.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ":") }) else {
        throw CommandSyntaxError("A field has no such name")
      }
      names.append(String(decoding: name, as: UTF8.self))
      guard names.count <= 200 else { throw CommandSyntaxError("Too many fields") }
    }
    return names
  }

  /// `(CHANGEDSINCE 5 VANISHED)` behind the items.
  mutating func fetchModifiers() throws(CommandSyntaxError) -> FetchModifiers {
    var modifiers = FetchModifiers()
    guard accept(" ") else { return modifiers }
    try list { reader throws(CommandSyntaxError) in
      switch try reader.keyword() {
      case "CHANGEDSINCE":
        try reader.space()
        modifiers.changedSince = try reader.number64()
      case "VANISHED": modifiers.vanished = true
      case "PARTIAL":
        try reader.space()
        modifiers.partial = try reader.pageRange()
      default: throw CommandSyntaxError("There is no such modifier")
      }
    }
    if modifiers.vanished, modifiers.changedSince == nil {
      throw CommandSyntaxError("VANISHED needs CHANGEDSINCE")
    }
    return modifiers
  }
}
