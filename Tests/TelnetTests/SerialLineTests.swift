import TestKit
import Testing
import WireKit

@testable import TelnetCore

/// COM-PORT control (RFC 2217), by a client that a test plays.
struct SerialLineTests {
  private final class Port {
    var requests: [SerialRequest] = []
    var settings = SerialSettings()
  }

  private func driver(_ port: Port, isAllowed: Bool = true) -> SessionDriver<SerialLineSession> {
    let driver = SessionDriver(SerialLineSession(name: "switch1", isAllowed: isAllowed)) { request in
      port.requests.append(request)
      switch request {
      case .open: return .opened(port.settings, modem: 0xB0)
      case .apply(let settings):
        // A device that can't do everything.
        if settings.speed <= 115_200 { port.settings = settings }
        return .settings(port.settings)
      case .write, .signal, .purge: return .done
      case .read, .modem: return nil
      }
    }
    driver.open()
    return driver
  }

  private func reply(_ reply: SerialReply, to request: SerialRequest, _ driver: SessionDriver<SerialLineSession>) {
    guard let open = driver.requests.first(where: { $0.request == request }) else {
      Issue.record("\(request) was not asked")
      return
    }
    driver.resume(reply, for: open.ticket)
  }

  private func answers(_ driver: SessionDriver<SerialLineSession>) -> [[UInt8]] {
    var decoder = TelnetDecoder()
    return driver.takeOutput().compactMap { byte in
      if case .subnegotiation(.comPort, let content) = decoder.decode(byte) { content } else { nil }
    }
  }

  private static let will: [UInt8] = [255, 251, 44]
  private static func ask(_ content: [UInt8]) -> [UInt8] { [255, 250, 44] + content + [255, 240] }

  @Test func settingsAreAnsweredAsTheyAre() {
    let port = Port()
    let driver = driver(port)
    driver.receive(Self.will)
    // The state of the modem comes by itself.
    #expect(answers(driver) == [[107, 0xB0]])
    driver.receive(
      Self.ask([1, 0, 1, 0xC2, 0]) + Self.ask([2, 7]) + Self.ask([3, 3]) + Self.ask([4, 2]) + Self.ask([5, 3]))
    #expect(answers(driver) == [[101, 0, 1, 0xC2, 0], [102, 7], [103, 3], [104, 2], [105, 3]])
    #expect(
      port.settings == SerialSettings(speed: 115_200, dataBits: 7, parity: .even, stopBits: .two, flow: .hardware))
    // What can't be is answered by what is; 0 only asks.
    driver.receive(Self.ask([1, 0, 0x1E, 0x84, 0x80]) + Self.ask([2, 9]) + Self.ask([3, 0]) + Self.ask([0]))
    #expect(answers(driver) == [[101, 0, 1, 0xC2, 0], [102, 7], [103, 3], [100] + Array("Portside switch1".utf8)])
  }

  @Test func signalsBreakAndPurge() {
    let port = Port()
    let driver = driver(port)
    driver.receive(
      Self.will + Self.ask([5, 9]) + Self.ask([5, 11]) + Self.ask([5, 5]) + Self.ask([5, 6]) + Self.ask([12, 3]))
    #expect(answers(driver).suffix(5) == [[105, 9], [105, 11], [105, 5], [105, 6], [112, 3]])
    driver.receive([255, 243])  // BRK
    let signals = port.requests.filter { if case .signal = $0 { true } else { false } }
    #expect(
      signals == [
        .signal(.dataTerminalReady, false), .signal(.requestToSend, true), .signal(.breakCondition, true),
        .signal(.breakCondition, false), .signal(.breakCondition, true), .signal(.breakCondition, false),
      ])
    #expect(port.requests.contains(.purge(input: true, output: true)))
  }

  @Test func bytesGoThrough() {
    let port = Port()
    let driver = driver(port)
    // Both sides BINARY: everything is as it is, IAC doubled.
    driver.receive([255, 251, 0, 255, 253, 0])
    _ = driver.takeOutput()
    driver.receive([0x0D, 0x00, 0xFF, 0xFF, 0x41])
    #expect(port.requests.contains(.write([0x0D, 0x00, 0xFF, 0x41])))
    reply(.bytes([0x0D, 0xFF, 0x0A]), to: .read, driver)
    #expect(driver.takeOutput() == [0x0D, 0xFF, 0xFF, 0x0A])
    // The next read is asked for once this has left.
    #expect(port.requests.count { $0 == .read } == 2)
  }

  @Test func withoutBinaryLineEndsAreTheTerminals() {
    let port = Port()
    let driver = driver(port)
    driver.receive([0x0D, 0x00, 0x0D, 0x0A])
    #expect(port.requests.contains(.write([0x0D, 0x0D, 0x0A])))
    _ = driver.takeOutput()
    reply(.bytes([0x0D, 0x0A, 0x0D, 0x41]), to: .read, driver)
    #expect(driver.takeOutput() == [0x0D, 0x0A, 0x0D, 0x00, 0x41])
  }

  @Test func suspendHoldsTheLineBack() {
    let port = Port()
    let driver = driver(port)
    driver.receive(Self.will + Self.ask([8]))
    reply(.bytes([0x41]), to: .read, driver)
    #expect(port.requests.count { $0 == .read } == 1)
    driver.receive(Self.ask([9]))
    #expect(port.requests.count { $0 == .read } == 2)
  }

  @Test func modemLinesAreTold() {
    let port = Port()
    let driver = driver(port)
    driver.receive(Self.will + Self.ask([11, 0x80]))
    _ = driver.takeOutput()
    reply(.modem(0xA0), to: .modem(0xB0), driver)
    #expect(answers(driver).isEmpty, "CTS is masked out")
    reply(.modem(0x20), to: .modem(0xA0), driver)
    #expect(answers(driver) == [[107, 0]])
  }

  @Test func whoMayNotGetsNothing() {
    let port = Port()
    let driver = driver(port, isAllowed: false)
    #expect(port.requests.isEmpty && driver.close == .afterWrites)
    #expect(String(decoding: driver.takeOutput(), as: UTF8.self).contains("not for your address"))
  }

  @Test func formats() {
    #expect(SerialSettings(speed: 1200, format: "7e2")?.parity == .even)
    for wrong in ["9N1", "8X1", "8N3", "8N", ""] { #expect(SerialSettings(speed: 1, format: wrong) == nil) }
  }
}
