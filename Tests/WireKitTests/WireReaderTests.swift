import Testing
import WireKit

/// The error that a read ends with; `nil` when it succeeds. (`#expect` cannot take a value that holds a span.)
private func failure(_ read: () throws(WireError) -> Void) -> WireError? {
  do throws(WireError) { try read() } catch { return error }
  return nil
}

@Suite struct WireReaderTests {
  @Test func readsIntegersInNetworkOrder() throws {
    let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    var reader = WireReader(bytes.span.bytes)
    let values = (
      try reader.readUInt8("a"), try reader.readUInt16("b"), try reader.readUInt32("c"), try reader.readUInt64("d")
    )
    #expect(values == (1, 0x0203, 0x0405_0607, 0x0809_0A0B_0C0D_0E0F))
    let isAtEnd = reader.isAtEnd
    #expect(isAtEnd)
  }

  @Test func readsLittleEndian() throws {
    let bytes: [UInt8] = [0x34, 0x12, 0x78, 0x56, 0x34, 0x12]
    var reader = WireReader(bytes.span.bytes)
    let values = (try reader.readLittleEndian("a", as: UInt16.self), try reader.readLittleEndian("b", as: UInt32.self))
    #expect(values == (0x1234, 0x1234_5678))
  }

  /// Whatever is asked of it, a reader stays within its input and where it was when it fails.
  @Test(arguments: 0..<16) func neverReadsPastTheEnd(length: Int) {
    let bytes = [UInt8](repeating: 0xAA, count: length)
    var reader = WireReader(bytes.span.bytes)
    while (try? reader.readUInt32("word")) != nil {}
    var failures: [WireError.Code?] = []
    func note(_ error: WireError?) { failures.append(error?.code) }
    do throws(WireError) { _ = try reader.readUInt64("long") } catch { note(error) }
    do throws(WireError) { try reader.skip(length + 1, "skip") } catch { note(error) }
    do throws(WireError) { try reader.skip(-1, "skip") } catch { note(error) }
    do throws(WireError) { _ = try reader.readBytes(.max, "bytes") } catch { note(error) }
    do throws(WireError) { try reader.seek(to: length + 1, "seek") } catch { note(error) }
    #expect(failures == [.truncated, .truncated, .outOfBounds, .truncated, .outOfBounds])
    let offset = reader.offset
    #expect(offset == length / 4 * 4)
  }

  @Test func saysWhatWasMissingAndWhere() {
    let bytes: [UInt8] = [0, 1, 2]
    let error = failure { () throws(WireError) in
      var reader = WireReader(bytes.span.bytes)
      try reader.skip(2, "skip")
      _ = try reader.readUInt32("serial")
    }
    #expect(error == WireError(.truncated, "serial", at: 2))
    #expect(error?.description == "serial: truncated at byte 2")
  }
}

@Suite struct FixedWriterTests {
  @Test func writesUpToTheLimitAndNotPartsOfThings() throws {
    var memory = [UInt8](repeating: 0, count: 8)
    var span = memory.mutableSpan
    var writer = FixedWriter(span.mutableBytes)
    try writer.writeInteger(UInt16(0x0102))
    try writer.writeInteger(UInt32(0x0304_0506))
    var failures: [WireError.Code] = []
    do throws(WireError) { try writer.writeInteger(UInt32(0xFFFF_FFFF)) } catch { failures.append(error.code) }
    writer.setInteger(UInt16(0xAABB), at: 0)
    let written = writer.written.copied()
    writer.truncate(to: 2)
    writer.setLimit(3)
    do throws(WireError) { try writer.writeInteger(UInt16(1)) } catch { failures.append(error.code) }
    let count = writer.count
    #expect(written == [0xAA, 0xBB, 3, 4, 5, 6])
    #expect(failures == [.noSpace, .noSpace])
    #expect(count == 2)
  }
}

@Suite struct UnverifiedTests {
  @Test func letsOutOnlyWhatIsInBounds() throws {
    #expect(try Unverified<UInt16>(512).verified(in: 1...512, "count") == 512)
    #expect(throws: WireError.self) { try Unverified<UInt16>(513).verified(in: 1...512, "count") }
    #expect(throws: WireError.self) { try Unverified<UInt64>(.max).verified(atMost: .max, "count") }
    #expect(throws: WireError.self) { try Unverified<Int32>(-1).verified(atMost: 10, "count") }
  }
}
