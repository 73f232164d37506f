import NIOCore
import RDPCore
import Services
import WireKit

/// One connection to an X server: what is on its screen, and what a person does there. Lives on its channel's event loop.
final class XConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  struct Failure: Error { let diagnosis: String }

  /// Numbers of the extensions' requests, as this server has them.
  private struct Opcodes {
    var damage: UInt8 = 0
    var test: UInt8 = 0
    var damageEvent: UInt8 = 0
  }

  private let cookie: [UInt8]
  private let ready: EventLoopPromise<Void>
  private var context: ChannelHandlerContext?
  private var received = ByteBuffer()
  private var setup: XSetup?
  private var opcodes = Opcodes()
  private var isReady = false
  private var sequence: UInt16 = 0
  /// Who waits for a reply, by the number of the request.
  private var waiting: [UInt16: ([UInt8]) -> Void] = [:]
  private var keys = XKeys()
  private var screen = PixelScreen(width: PixelScreen.side, height: 1)

  /// The one connection that shows the desktop, and its open question.
  private var viewer: SessionID?
  private var question: EventLoopPromise<DesktopFrame>?
  private var isCapturing = false

  init(cookie: [UInt8], ready: EventLoopPromise<Void>) {
    self.cookie = cookie
    self.ready = ready
  }

  // MARK: The channel

  func channelActive(context: ChannelHandlerContext) {
    self.context = context
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: XRequest.setup(cookie: cookie))), promise: nil)
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.context = nil
    waiting = [:]
    ready.fail(Failure(diagnosis: "the X server has closed the connection"))
    answer(.ended)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    received.writeBuffer(&bytes)
    do {
      while let message = try next() { take(message) }
      received.discardReadBytes()
    } catch { context.close(promise: nil) }
  }

  private func next() throws -> XMessage? {
    let found = try received.withUnsafeReadableBytes { pointer throws(WireError) -> (XMessage, Int)? in
      try XMessage.first(in: pointer.bytes, expectsSetup: setup == nil).map { ($0.message, $0.length) }
    }
    guard let (message, length) = found else { return nil }
    received.moveReaderIndex(forwardBy: length)
    return message
  }

  private func send(_ request: [UInt8], reply: (([UInt8]) -> Void)? = nil) {
    guard let context else { return }
    sequence &+= 1
    if let reply { waiting[sequence] = reply }
    context.write(wrapOutboundOut(ByteBuffer(bytes: request)), promise: nil)
  }

  private func flush() { context?.flush() }

  private func take(_ message: XMessage) {
    switch message {
    case .refused(let reason): fail("the X server refuses: \(reason)")
    case .setup(let setup):
      guard setup.depth == 24, setup.width >= PixelScreen.side else { return fail("an X screen of another kind") }
      self.setup = setup
      screen = PixelScreen(width: setup.width, height: setup.height)
      begin(setup)
    case .reply(let sequence, let bytes): waiting.removeValue(forKey: sequence)?(bytes)
    case .error(_, let sequence): waiting.removeValue(forKey: sequence)?([])
    case .event(let code, let bytes):
      guard code == opcodes.damageEvent, opcodes.damage != 0 else { return }
      // DamageNotify: drawable, damage, time, then the area.
      func word(_ place: Int) -> Int { Int(Int16(truncatingIfNeeded: Int(bytes[place]) | Int(bytes[place + 1]) << 8)) }
      screen.touch(
        x: word(16), y: word(18), width: word(20) & 0xFFFF, height: word(22) & 0xFFFF)
      captureIfAsked()
    }
  }

  private func fail(_ diagnosis: String) {
    ready.fail(Failure(diagnosis: diagnosis))
    context?.close(promise: nil)
  }

  /// Asks for the extensions and the keyboard; then the desktop is ready.
  private func begin(_ setup: XSetup) {
    send(XRequest.queryExtension("XTEST")) { [self] in opcodes.test = Self.opcode($0) }
    send(XRequest.getKeyboardMapping(first: setup.firstKeycode, count: setup.lastKeycode - setup.firstKeycode + 1)) {
      [self] in learnKeys($0, first: setup.firstKeycode)
    }
    send(XRequest.queryExtension("DAMAGE")) { [self] bytes in
      opcodes.damage = Self.opcode(bytes)
      guard opcodes.damage != 0, opcodes.test != 0, bytes.count > 10 else {
        return fail("the X server lacks DAMAGE or XTEST")
      }
      opcodes.damageEvent = bytes[10]
      send(XRequest.queryVersion(opcodes.damage, major: 1, minor: 1)) { [self] _ in
        isReady = true
        ready.succeed()
      }
      send(XRequest.createDamage(opcodes.damage, id: setup.resourceBase | 1, drawable: setup.root))
      flush()
    }
    flush()
  }

  private static func opcode(_ reply: [UInt8]) -> UInt8 { reply.count > 9 && reply[8] != 0 ? reply[9] : 0 }

  private func learnKeys(_ reply: [UInt8], first: UInt8) {
    guard reply.count >= 32 else { return }
    let symbols = stride(from: 32, to: reply.count - 3, by: 4).map { place in
      (0..<4).reduce(UInt32(0)) { $0 | UInt32(reply[place + $1]) << (8 * UInt32($1)) }
    }
    keys.learn(first: first, perKey: Int(reply[1]), keysyms: symbols)
  }

  // MARK: Who shows it

  /// Gives the desktop to a connection; the one that had it is told that it is gone.
  func attach(_ viewer: SessionID) {
    answer(.ended)
    run(keys.releaseAll())
    self.viewer = viewer
    screen.forget()
  }

  func leave(_ viewer: SessionID) {
    guard self.viewer == viewer else { return }
    answer(.ended)
    run(keys.releaseAll())
    self.viewer = nil
  }

  func refresh() {
    screen.forget()
    captureIfAsked()
  }

  func frame(for viewer: SessionID, _ promise: EventLoopPromise<DesktopFrame>) {
    guard context != nil, self.viewer == viewer else { return promise.succeed(.ended) }
    question?.succeed(.tiles([]))
    question = promise
    captureIfAsked()
  }

  private func answer(_ frame: DesktopFrame) {
    question?.succeed(frame)
    question = nil
  }

  // MARK: Keys and mouse

  func take(_ events: [InputEvent], from viewer: SessionID) {
    guard self.viewer == viewer else { return }
    for event in events { run(keys.steps(for: event)) }
  }

  private func run(_ steps: [XKeys.Step]) {
    guard let setup, isReady else { return }
    for step in steps {
      switch step {
      case .map(let keycode, let keysym): send(XRequest.changeKeyboardMapping(keycode, keysym))
      case .input(let input): send(XRequest.fakeInput(opcodes.test, input, root: setup.root))
      }
    }
    flush()
  }

  // MARK: The picture

  /// Fetches what may have changed, when somebody asks for it. What is drawn meanwhile is told by another event, as the
  /// damage is taken back before the pixels are read.
  private func captureIfAsked() {
    guard isReady, !isCapturing, question != nil, screen.hasChanges, let setup else { return }
    isCapturing = true
    send(XRequest.subtractDamage(opcodes.damage, id: setup.resourceBase | 1))
    let bands = screen.takeSuspects()
    var tiles: [PixelTile] = []
    for (index, band) in bands.enumerated() {
      let request = XRequest.getImage(setup.root, x: band.x, y: band.y, width: band.width, height: band.height)
      send(request) { [self] bytes in
        screen.update(band, bytes.dropFirst(32)) { tiles.append($0) }
        guard index == bands.count - 1 else { return }
        isCapturing = false
        if tiles.isEmpty { captureIfAsked() } else { answer(.tiles(tiles)) }
      }
    }
    flush()
  }
}
