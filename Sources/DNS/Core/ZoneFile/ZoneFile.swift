import WireKit

/// Zone files (RFC 1035 §5), with `$TTL` (RFC 2308 §4), `$GENERATE` and units of time as BIND has them.
public enum ZoneFile {
  /// Bounds of one file and what it includes.
  public struct Limits: Sendable {
    /// Files inside each other.
    public var includeDepth = 8
    /// Records that all `$GENERATE` lines may make together.
    public var generatedRecords = 1 << 20
    /// Findings that are kept; the file is read on to its end.
    public var findings = 100
    /// Octets of one file.
    public var fileSize = Int(Int32.max)

    public init() {}
  }

  /// What reading a file brought, besides its records.
  public struct Result: Sendable {
    /// The file's own name and those of all that it includes; `ZoneFilePosition.file` counts in these.
    public internal(set) var files: [String?]
    public internal(set) var findings: [ZoneFinding] = []
    /// Records handed to the sink.
    public internal(set) var recordCount = 0

    /// Whether nothing was wrong but warnings.
    public var isValid: Bool { !findings.contains { $0.severity == .error } }
  }

  /// Reads a zone file and hands every record to `sink`.
  /// - Parameters:
  ///   - source: The file's octets.
  ///   - origin: The zone's name: the first `$ORIGIN`.
  ///   - file: The file's name for findings.
  ///   - includes: Where `$INCLUDE` reads; without it, `$INCLUDE` is an error.
  public static func parse(
    _ source: RawSpan, origin: Name, file: String? = nil, includes: (any ZoneFileIncludes)? = nil,
    limits: Limits = Limits(), into sink: inout some ZoneFileSink & ~Copyable
  ) -> Result {
    var parser = ZoneFileParser(origin: origin, file: file, includes: includes, limits: limits)
    parser.parse(source, depth: 0, into: &sink)
    return parser.result
  }

  /// Reads a zone file into an array.
  public static func records(
    _ text: String, origin: Name, file: String? = nil, includes: (any ZoneFileIncludes)? = nil
  ) -> (records: [ResourceRecord], result: Result) {
    var list = RecordList()
    let bytes = Array(text.utf8)
    let result = parse(bytes.span.bytes, origin: origin, file: file, includes: includes, into: &list)
    return (list.records, result)
  }

  private struct RecordList: ZoneFileSink {
    var records: [ResourceRecord] = []
    mutating func add(
      owner: borrowing [UInt8], type: RecordType, ttl: UInt32, data: borrowing [UInt8], at position: ZoneFilePosition
    ) {
      records.append(
        ResourceRecord(Name(validWire: copy owner), ttl: ttl, RData(validType: type, wire: copy data)))
    }
  }
}
