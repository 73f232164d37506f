import WireKit

/// The console: keys in, cells out.
extension ServerSession {
  /// Bytes of a program's output that are taken at a time.
  private static let outputPiece = 64 * 1024

  mutating func take(_ event: InputEvent, now: MonotonicTime, into actions: inout Actions) {
    if isDesktop { return passOn(event) }
    switch event {
    case .key(let scancode, let isExtended, _, let isReleased):
      let outcome = keyboard.key(scancode, isExtended: isExtended, isReleased: isReleased, modes: terminal.modes)
      take(outcome, into: &actions)
    case .unicode(let unit, let isReleased): take(keyboard.unicode(unit, isReleased: isReleased), into: &actions)
    case .synchronize(let toggles): keyboard.synchronize(toggles)
    case .mouse(let flags, let x, let y): mouse(flags, x, y, into: &actions)
    case .extendedMouse: break
    }
  }

  private mutating func take(_ outcome: Keyboard.Outcome, into actions: inout Actions) {
    switch outcome {
    case .nothing: break
    case .paste: paste(into: &actions)
    case .scroll(let halves): _ = terminal.scrollView(by: halves * max(1, terminal.rows / 2))
    case .bytes(let bytes):
      if logInScreen != nil { return typeOnLogIn(bytes, into: &actions) }
      _ = terminal.scrollView(by: -terminal.viewOffset)
      clearSelection()
      enter(bytes)
    }
  }

  /// Queues bytes for the program. More than the limit is dropped, as a terminal drops what is typed into a full queue.
  mutating func enter(_ bytes: [UInt8]) {
    guard isRunning, pendingInput.count + bytes.count <= limits.maximumInput else { return }
    pendingInput += bytes
  }

  /// PTRFLAGS of MS-RDPBCGR 2.2.8.1.1.3.1.1.3.
  private mutating func mouse(_ flags: UInt16, _ x: UInt16, _ y: UInt16, into actions: inout Actions) {
    guard isRunning else { return }
    let column = min(Int(x) / display.cellWidth, terminal.columns - 1)
    let row = min(Int(y) / display.cellHeight, terminal.rows - 1)
    if flags & 0x0200 != 0 { return wheel(isUp: flags & 0x0100 == 0, row, column) }
    guard terminal.modes.mouse != 0 else { return select(flags, row, column, into: &actions) }
    for (bit, button) in [(UInt16(0x1000), 0), (0x4000, 1), (0x2000, 2)] where flags & bit != 0 {
      let isPressed = flags & 0x8000 != 0
      pressedButtons = isPressed ? pressedButtons | bit : pressedButtons & ~bit
      report(button: button, isPressed: isPressed, row, column)
    }
    if flags & 0x0800 != 0, terminal.modes.mouse == 1003 || terminal.modes.mouse == 1002 && pressedButtons != 0 {
      let button = pressedButtons & 0x1000 != 0 ? 0 : pressedButtons & 0x4000 != 0 ? 1 : pressedButtons != 0 ? 2 : 3
      report(button: button + 32, isPressed: true, row, column)
    }
  }

  /// The wheel goes to the program where it wants the mouse, moves the cursor on the alternate screen, else the view.
  private mutating func wheel(isUp: Bool, _ row: Int, _ column: Int) {
    if terminal.modes.mouse != 0 {
      report(button: isUp ? 64 : 65, isPressed: true, row, column)
    } else if terminal.isAlternate {
      let letter = isUp ? "A" : "B"
      let key = "\u{1B}\(terminal.modes.applicationCursor ? "O" : "[")\(letter)"
      for _ in 0..<3 { enter(Array(key.utf8)) }
    } else {
      _ = terminal.scrollView(by: isUp ? 3 : -3)
    }
  }

  private mutating func report(button: Int, isPressed: Bool, _ row: Int, _ column: Int) {
    if terminal.modes.mouseSGR {
      enter(Array("\u{1B}[<\(button);\(column + 1);\(row + 1)\(isPressed ? "M" : "m")".utf8))
    } else if column < 223, row < 223 {
      let code = isPressed ? button : 3
      enter([0x1B, 0x5B, 0x4D] + [code + 32, column + 33, row + 33].map { UInt8(clamping: $0) })
    }
  }

  /// Output of the program.
  mutating func take(_ output: ConsoleOutput, now: MonotonicTime, into actions: inout Actions) {
    switch output {
    case .bytes(let bytes):
      clearSelection()
      terminal.feed(bytes)
      pendingInput += terminal.takeReplies()
    case .ended:
      isRunning = false
      disconnect(.loggedOffByUser, "the session's program has ended", into: &actions)
    }
  }

  /// What is always done after something has happened: keys handed on, output asked for, a frame sent.
  mutating func settle(now: MonotonicTime, into actions: inout Actions) {
    guard stage != .ended else { return }
    if isDesktop { return settleDesktop(now: now, into: &actions) }
    if isRunning, !pendingInput.isEmpty, !isInputBusy {
      isInputBusy = true
      ask(.input(pendingInput), .input, into: &actions)
      pendingInput.removeAll()
    }
    // A program is heard as long as the client takes the frames: that is the back-pressure.
    if isRunning, !isOutputAsked, !isWriting {
      isOutputAsked = true
      ask(.output(maximum: Self.outputPiece), .output, into: &actions)
    }
    sendFrame(now: now, into: &actions)
  }

  /// Sends what has changed, at most so often, and never while an earlier frame still waits.
  private mutating func sendFrame(now: MonotonicTime, into actions: inout Actions) {
    guard stage == .active, hasFontMap, !isSuppressed, !isWriting, pipeline.stage != .opening,
      display.needsUpdate(terminal)
    else { return }
    if pipeline.stage == .ready, !pipeline.hasRoom { return }
    let next = lastFrame + limits.frameInterval
    if hasShownFrame, now < next {
      if !isFrameTimed {
        isFrameTimed = true
        actions.setTimer(Self.frameTimer, at: next)
      }
      return
    }
    let bytes = pipeline.stage == .ready ? pipelineFrame() : bitmapFrame()
    hasShownFrame = true
    lastFrame = now
    guard !bytes.isEmpty else { return }
    isWriting = true
    let size = bytes.count
    actions.write(bytes)
    tell("Frame", "\(size) bytes", received: false, into: &actions)
  }

  /// A frame as bitmap updates and drawing orders.
  private mutating func bitmapFrame() -> [UInt8] {
    var bytes: [UInt8] = []
    let output = output
    display.update(&terminal, canMove: output.capabilities.takesScreenBlit, selection: selection.range) { update in
      switch update {
      case .tile(let tile): output.append(tile, into: &bytes)
      case .move(let x, let y, let width, let height, let fromX, let fromY):
        output.appendMove(x: x, y: y, width: width, height: height, fromX: fromX, fromY: fromY, into: &bytes)
      }
    }
    return bytes
  }

  /// A frame of the graphics pipeline.
  private mutating func pipelineFrame() -> [UInt8] {
    var commands = pipeline.startFrame()
    let drawn = pipeline
    display.update(&terminal, canMove: true, selection: selection.range) { update in
      switch update {
      case .tile(let tile): commands += drawn.draw(tile)
      case .move(let x, let y, let width, let height, let fromX, let fromY):
        commands += drawn.move(x: x, y: y, width: width, height: height, fromX: fromX, fromY: fromY)
      }
    }
    commands += pipeline.endFrame()
    return dynamicMessage(pipeline.segmented(commands), .graphics)
  }
}
