/// A TOML 1.0 document, with the position of every key and value.
public struct TOMLDocument: Sendable {
  /// The keys of the document.
  public var root: TOMLTable

  init(root: TOMLTable) { self.root = root }

  /// What bounds the work and memory that one document can ask for.
  public struct Limits: Sendable {
    /// Bytes of the whole document.
    public var bytes = 4 << 20
    /// How deep tables and lists may lie within each other.
    public var depth = 64
    public init() {}
  }

  /// What parsing found.
  public struct Outcome: Sendable {
    /// `nil` after a syntax error. After duplicate keys it holds what came first.
    public var document: TOMLDocument?
    /// At most one syntax error, and every duplicate or redefinition before it, in the document's order.
    public var errors: [TOMLError]
  }

  /// Reads a document. Duplicate keys do not end it, so that all of them are found at once.
  public static func parse(_ bytes: [UInt8], limits: Limits = Limits()) -> Outcome {
    var parser = TOMLParser(bytes, limits: limits)
    do throws(TOMLError) {
      let root = try parser.parseDocument()
      return Outcome(document: TOMLDocument(root: root), errors: parser.builder.errors)
    } catch {
      return Outcome(document: nil, errors: parser.builder.errors + [error])
    }
  }

  /// Reads a document that must be free of errors; throws the first.
  public init(_ text: String) throws(TOMLError) {
    let outcome = Self.parse(Array(text.utf8))
    if let first = outcome.errors.first { throw first }
    root = outcome.document?.root ?? TOMLTable()
  }
}
