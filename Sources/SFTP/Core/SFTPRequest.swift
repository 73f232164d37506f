import WireKit

/// A request of version 3 (draft-ietf-secsh-filexfer-02 §6) or of OpenSSH's extensions (its PROTOCOL §4).
public enum SFTPRequest: Sendable, Hashable {
  case open(path: [UInt8], flags: OpenFlags, attributes: SFTPAttributes)
  case close(handle: SFTPHandle)
  case read(handle: SFTPHandle, offset: UInt64, length: UInt32)
  /// The data stand at this place of the packet.
  case write(handle: SFTPHandle, offset: UInt64, data: Range<Int>)
  case attributes(path: [UInt8], followingLinks: Bool)
  case handleAttributes(handle: SFTPHandle)
  case setAttributes(path: [UInt8], SFTPAttributes, followingLinks: Bool)
  case setHandleAttributes(handle: SFTPHandle, SFTPAttributes)
  case openDirectory(path: [UInt8])
  case readDirectory(handle: SFTPHandle)
  case remove(path: [UInt8])
  case makeDirectory(path: [UInt8], attributes: SFTPAttributes)
  case removeDirectory(path: [UInt8])
  case realPath([UInt8])
  /// `replacing` is what `posix-rename@openssh.com` does.
  case rename(path: [UInt8], newPath: [UInt8], replacing: Bool)
  case readLink(path: [UInt8])
  /// OpenSSH sends the target first, against the draft, and everybody has followed.
  case symbolicLink(target: [UInt8], path: [UInt8])
  case hardLink(existing: [UInt8], path: [UInt8])
  case space(path: [UInt8])
  case handleSpace(handle: SFTPHandle)
  case synchronise(handle: SFTPHandle)
  case limits
  case expandPath([UInt8])
  case copyData(from: SFTPHandle, offset: UInt64, length: UInt64, to: SFTPHandle, newOffset: UInt64)
  case homeDirectory(user: [UInt8])
  /// `space-available`: how much room there is (draft-ietf-secsh-filexfer-extensions §4).
  case available(path: [UInt8])
  /// `check-file-name`, `check-file-handle`, `check-file`: sums over a file, or over each block of it (ibid. §3).
  case checkFile(CheckFile)
  case names(users: [UInt32], groups: [UInt32])
  /// An operation or extension that we do not have, or a handle that is none of ours.
  case unsupported
  case badHandle

  /// What `check-file` asks for.
  public struct CheckFile: Sendable, Hashable {
    public enum File: Sendable, Hashable {
      case path([UInt8])
      case handle(SFTPHandle)
    }

    public var file: File
    /// Names of hash functions, those that are wanted most first.
    public var algorithms: [String]
    public var offset: UInt64
    /// 0 is to the end.
    public var length: UInt64
    /// Bytes that each sum is over; 0 makes one sum over all.
    public var blockSize: UInt32

    init(_ file: File, _ reader: inout WireReader) throws(WireError) {
      self.file = file
      let list = try reader.readStringBytes("hash-algorithm-list")
      algorithms = String(decoding: list, as: UTF8.self).split(separator: ",").prefix(32).map(String.init)
      offset = try reader.readUInt64("start-offset")
      length = try reader.readUInt64("length")
      blockSize = try reader.readUInt32("block-size")
    }
  }

  /// Flags of SSH_FXP_OPEN.
  public struct OpenFlags: OptionSet, Sendable, Hashable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let read = OpenFlags(rawValue: 1)
    public static let write = OpenFlags(rawValue: 2)
    public static let append = OpenFlags(rawValue: 4)
    public static let create = OpenFlags(rawValue: 8)
    public static let truncate = OpenFlags(rawValue: 16)
    public static let exclusive = OpenFlags(rawValue: 32)
  }

  /// Numbers that one names request may ask about.
  static let maximumNumbers = 4_096

  /// A packet without its length field, behind SSH_FXP_INIT: its type, its request number, its content.
  public static func decode(_ packet: RawSpan) throws(WireError) -> (id: UInt32, request: SFTPRequest) {
    var reader = WireReader(packet)
    let type = try reader.readUInt8("type")
    let id = try reader.readUInt32("request-id")
    guard type == 200 else { return (id, try basic(type, &reader)) }
    return (id, try extended(&reader))
  }

  private static func basic(_ type: UInt8, _ reader: inout WireReader) throws(WireError) -> SFTPRequest {
    switch type {
    case 3:
      let path = try reader.readStringBytes("filename")
      let flags = OpenFlags(rawValue: try reader.readUInt32("pflags"))
      return .open(path: path, flags: flags, attributes: try SFTPAttributes(&reader))
    case 4: return try withHandle(&reader) { .close(handle: $0) }
    case 5:
      let handle = try SFTPHandle(&reader)
      let offset = try reader.readUInt64("offset")
      let length = try reader.readUInt32("len")
      return handle.map { .read(handle: $0, offset: offset, length: length) } ?? .badHandle
    case 6:
      let handle = try SFTPHandle(&reader)
      let offset = try reader.readUInt64("offset")
      let count = try reader.readString("data").byteCount
      let data = (reader.offset - count)..<reader.offset
      return handle.map { .write(handle: $0, offset: offset, data: data) } ?? .badHandle
    case 7: return .attributes(path: try reader.readStringBytes("path"), followingLinks: false)
    case 8: return try withHandle(&reader) { .handleAttributes(handle: $0) }
    case 9:
      let path = try reader.readStringBytes("path")
      return .setAttributes(path: path, try SFTPAttributes(&reader), followingLinks: true)
    case 10:
      let handle = try SFTPHandle(&reader)
      let attributes = try SFTPAttributes(&reader)
      return handle.map { .setHandleAttributes(handle: $0, attributes) } ?? .badHandle
    case 11: return .openDirectory(path: try reader.readStringBytes("path"))
    case 12: return try withHandle(&reader) { .readDirectory(handle: $0) }
    case 13: return .remove(path: try reader.readStringBytes("filename"))
    case 14:
      let path = try reader.readStringBytes("path")
      return .makeDirectory(path: path, attributes: try SFTPAttributes(&reader))
    case 15: return .removeDirectory(path: try reader.readStringBytes("path"))
    case 16: return .realPath(try reader.readStringBytes("path"))
    case 17: return .attributes(path: try reader.readStringBytes("path"), followingLinks: true)
    case 18: return try twoPaths(&reader) { .rename(path: $0, newPath: $1, replacing: false) }
    case 19: return .readLink(path: try reader.readStringBytes("path"))
    case 20: return try twoPaths(&reader) { .symbolicLink(target: $0, path: $1) }
    default: return .unsupported
    }
  }

  private static func extended(_ reader: inout WireReader) throws(WireError) -> SFTPRequest {
    switch String(decoding: try reader.readStringBytes("extended-request"), as: UTF8.self) {
    case "posix-rename@openssh.com":
      return try twoPaths(&reader) { .rename(path: $0, newPath: $1, replacing: true) }
    case "hardlink@openssh.com": return try twoPaths(&reader) { .hardLink(existing: $0, path: $1) }
    case "statvfs@openssh.com": return .space(path: try reader.readStringBytes("path"))
    case "fstatvfs@openssh.com": return try withHandle(&reader) { .handleSpace(handle: $0) }
    case "fsync@openssh.com": return try withHandle(&reader) { .synchronise(handle: $0) }
    case "lsetstat@openssh.com":
      let path = try reader.readStringBytes("path")
      return .setAttributes(path: path, try SFTPAttributes(&reader), followingLinks: false)
    case "limits@openssh.com": return .limits
    case "expand-path@openssh.com": return .expandPath(try reader.readStringBytes("path"))
    case "copy-data":
      let from = try SFTPHandle(&reader)
      let (offset, length) = (try reader.readUInt64("offset"), try reader.readUInt64("length"))
      let to = try SFTPHandle(&reader)
      let newOffset = try reader.readUInt64("offset")
      guard let from, let to else { return .badHandle }
      return .copyData(from: from, offset: offset, length: length, to: to, newOffset: newOffset)
    case "space-available": return .available(path: try reader.readStringBytes("path"))
    case "check-file-name":
      return .checkFile(try CheckFile(.path(try reader.readStringBytes("filename")), &reader))
    case "check-file-handle", "check-file":
      guard let handle = try SFTPHandle(&reader) else { return .badHandle }
      return .checkFile(try CheckFile(.handle(handle), &reader))
    case "home-directory": return .homeDirectory(user: try reader.readStringBytes("username"))
    case "users-groups-by-id@openssh.com":
      return .names(users: try numbers(&reader), groups: try numbers(&reader))
    default: return .unsupported
    }
  }

  private static func withHandle(
    _ reader: inout WireReader, _ make: (SFTPHandle) -> SFTPRequest
  ) throws(WireError) -> SFTPRequest {
    try SFTPHandle(&reader).map(make) ?? .badHandle
  }

  private static func twoPaths(
    _ reader: inout WireReader, _ make: ([UInt8], [UInt8]) -> SFTPRequest
  ) throws(WireError) -> SFTPRequest {
    let first = try reader.readStringBytes("path")
    return make(first, try reader.readStringBytes("path"))
  }

  private static func numbers(_ reader: inout WireReader) throws(WireError) -> [UInt32] {
    let bytes = try reader.readString("numbers")
    guard bytes.byteCount % 4 == 0, bytes.byteCount / 4 <= maximumNumbers else {
      throw WireError(.malformed, "numbers", at: reader.offset)
    }
    var inner = WireReader(bytes)
    var numbers: [UInt32] = []
    while !inner.isAtEnd { numbers.append(try inner.readUInt32("number")) }
    return numbers
  }
}

/// The handle of an open file or directory: four bytes of our own.
public struct SFTPHandle: Hashable, Sendable {
  public let number: UInt32
  public init(_ number: UInt32) { self.number = number }

  /// `nil` for a handle that is none of ours.
  init?(_ reader: inout WireReader) throws(WireError) {
    let bytes = try reader.readString("handle")
    var inner = WireReader(bytes)
    guard bytes.byteCount == 4, let number = try? inner.readUInt32("handle") else { return nil }
    self.number = number
  }
}
