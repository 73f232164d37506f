/// What takes the records of a zone file, one by one, as they are read.
public protocol ZoneFileSink: ~Copyable {
  /// One record of class IN. `owner` is an uncompressed, absolute name; `data` the uncompressed wire form of the type's
  /// data. Both arrays are used again for the next record: a sink that keeps them copies them.
  mutating func add(
    owner: borrowing [UInt8], type: RecordType, ttl: UInt32, data: borrowing [UInt8], at position: ZoneFilePosition)
}

/// Where a record was written.
public struct ZoneFilePosition: Hashable, Sendable {
  /// Place in `ZoneFile.Result.files`.
  public var file: UInt16
  /// From 1; 0 for a record that no file holds.
  public var line: UInt32

  public init(file: UInt16 = 0, line: UInt32 = 0) {
    self.file = file
    self.line = line
  }
}

/// Where the files of `$INCLUDE` come from; confines what may be read.
public protocol ZoneFileIncludes {
  /// The content of a file named in a zone file, or why it may not be had.
  func contents(of path: String) throws(PresentationError) -> [UInt8]
}
