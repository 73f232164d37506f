import Testing

@testable import TelnetCore

struct DecoderTests {
  private func decode(_ bytes: [UInt8]) -> [TelnetElement] {
    var decoder = TelnetDecoder()
    return bytes.compactMap { decoder.decode($0) }
  }

  @Test func elementsAreTakenApart() {
    #expect(
      decode([0x61, 255, 255, 255, 251, 1, 255, 246, 255, 250, 31, 0, 80, 255, 255, 24, 255, 240, 0x62]) == [
        .data(0x61), .data(255), .negotiation(.will, .echo), .command(.areYouThere),
        .subnegotiation(.windowSize, [0, 80, 255, 24]), .data(0x62),
      ])
  }

  @Test func whatIsNotClosedIsVoid() {
    #expect(decode([255, 250, 31, 1, 2, 255, 253, 1, 0x61]) == [.negotiation(.do, .echo), .data(0x61)])
    #expect(decode([255, 250, 24, 0, 255, 250, 31, 9, 255, 240]) == [.subnegotiation(.windowSize, [9])])
  }

  @Test func longOnesArePassedOverAndEndlessOnesEnd() {
    let long = [255, 250, 24] + [UInt8](repeating: 65, count: 5000) + [255, 240, 0x61]
    #expect(decode(long) == [.data(0x61)])
    #expect(decode([255, 250, 24] + [UInt8](repeating: 65, count: 70_000)).first == .endless)
  }

  @Test func encodingIsTheNetworkVirtualTerminals() {
    var output: [UInt8] = []
    TelnetEncoding.append([0x61, 0x0A, 0x0D, 255], isBinary: false, to: &output)
    #expect(output == [0x61, 0x0D, 0x0A, 0x0D, 0x00, 255, 255])
    output = []
    TelnetEncoding.append([0x0D, 0x62], isBinary: true, to: &output)
    #expect(output == [0x0D, 0x62])
    output = []
    TelnetEncoding.append(.windowSize, [0, 255], to: &output)
    #expect(output == [255, 250, 31, 0, 255, 255, 255, 240])
  }

  @Test func environmentsAreFiltered() {
    let content: [UInt8] =
      [0] + Array("USER".utf8) + [1] + Array("-f root".utf8) + [3] + Array("LD_PRELOAD".utf8) + [1]
      + Array("/tmp/x.so".utf8) + [0] + Array("LANG".utf8) + [1] + Array("de_DE.UTF-8".utf8) + [0] + Array("TERM".utf8)
      + [1] + Array("a".utf8) + [2, 1] + [3] + Array("LC_ALL".utf8)
    #expect(Environment.variables(content[...]) == ["LANG": "de_DE.UTF-8"])
    #expect(Environment.variables([1, 1, 2, 2, 0, 0, 3][...]) == [:])
  }

  @Test func charsetsAreChosen() {
    #expect(Charset.answer([1] + Array(";ISO-8859-1;utf-8".utf8), isOursPending: false) == [2] + Array("utf-8".utf8))
    #expect(Charset.answer([1] + Array(" KOI8-R".utf8), isOursPending: false) == [3])
    #expect(Charset.answer([1] + Array("[TTABLE]\u{1};UTF-8".utf8), isOursPending: false) == [2] + Array("UTF-8".utf8))
    #expect(Charset.answer([1] + Array(";UTF-8".utf8), isOursPending: true) == [3])
    #expect(Charset.answer([1], isOursPending: false) == [3])
    #expect(Charset.answer([], isOursPending: false) == nil)
  }

  @Test func keysOfLineModeAreAgreedOnOnce() {
    var mode = LineMode()
    #expect(mode.heard([LineMode.mode, 1]) == [[1, 5]])
    #expect(mode.isEditing)
    #expect(mode.heard([LineMode.mode, 5]) == [])
    #expect(mode.heard([3, 3, 2, 3, 10, 3, 0]) == [[3, 3, 0x82, 3, 10, 2, 127]])
    // The same again is no news.
    #expect(mode.heard([3, 3, 2, 3]) == [])
    #expect(mode.heard([3, 99, 2, 3]) == [[3, 99, 0, 0]])
    #expect(mode.heard([3, 0, 3, 0]).first?.count == 1 + 3 * 11)
    #expect(mode.heard([]) == [] && mode.heard([3, 1]) == [] && mode.heard([2, 0]) == [])
  }
}
