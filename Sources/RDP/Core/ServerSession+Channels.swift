import WireKit

/// Virtual channels: clipboard, graphics pipeline, display control; and what people do with the mouse for them.
extension ServerSession {
  /// How long the first frame waits for the graphics pipeline before it is sent as bitmaps.
  private static let pipelinePatience = Duration.milliseconds(1_500)

  /// After the first activation: the server speaks first on all of them.
  mutating func beginChannels(now: MonotonicTime, into actions: inout Actions) {
    guard !hasBegunChannels else { return }
    hasBegunChannels = true
    var bytes: [UInt8] = []
    if clipboardChannel != nil {
      clipboard.begin()
      bytes += clipboardMessages()
    }
    if let dynamicChannel {
      dynamicChannel.append(DynamicChannels.capabilities, into: &bytes)
      // RNS_UD_CS_SUPPORT_DYNVC_GFX_PROTOCOL.
      if client.earlyCapabilities & 0x0100 != 0, output.format == .rgb32 {
        pipeline.stage = .opening
        actions.setTimer(Self.pipelineTimer, at: now + Self.pipelinePatience)
      }
    }
    if !bytes.isEmpty { actions.write(bytes) }
  }

  /// Data of a virtual channel.
  mutating func receive(
    channel: UInt16, _ data: RawSpan, now: MonotonicTime, into actions: inout Actions
  ) throws(WireError) {
    if channel == clipboardChannel?.number {
      guard let message = try clipboardChannel?.take(data) else { return }
      tell("Clipboard", "\(message.count) bytes", into: &actions)
      // Before the log-in nothing goes in or out.
      guard account != nil else { return }
      if case .text(let text) = try clipboard.take(message) { enterPasted(text) }
      sendClipboard(into: &actions)
    } else if channel == dynamicChannel?.number {
      guard let message = try dynamicChannel?.take(data) else { return }
      let span = message.span.bytes
      try receive(dynamic: dynamicChannels.take(span), now: now, into: &actions)
    } else {
      let name = staticChannels.firstIndex(of: channel).map { client.channels[$0].name }
      tell("Virtual channel data", "\(name ?? "channel \(channel)"), \(data.byteCount) bytes", into: &actions)
    }
  }

  // MARK: Dynamic channels

  private mutating func receive(
    dynamic event: DynamicChannels.Event, now: MonotonicTime, into actions: inout Actions
  ) throws(WireError) {
    switch event {
    case .nothing: break
    case .ready:
      tell("Dynamic channels: capabilities", into: &actions)
      var bytes: [UInt8] = []
      for service in DynamicChannels.Service.allCases where service != .graphics || pipeline.stage == .opening {
        dynamicChannel?.append(DynamicChannels.openRequest(service), into: &bytes)
      }
      actions.write(bytes)
    case .opened(let service):
      tell("Dynamic channel opened", service.name, into: &actions)
      if service == .displayControl {
        actions.write(dynamicMessage(DisplayControl.capabilities(limits), .displayControl))
      }
    case .refused(let service), .closed(let service):
      tell("Dynamic channel refused or closed", service.name, into: &actions)
      if service == .graphics {
        pipeline.stage = .absent
        display.forget()
      }
    case .message(.displayControl, let message):
      guard let size = try DisplayControl.size(in: message) else { return }
      tell("Display control: monitor layout", "\(size.width)x\(size.height)", into: &actions)
      wantedSize = size
      resizeIfPossible(now: now, into: &actions)
    case .message(.graphics, let message):
      let (answers, isNew) = try pipeline.take(message)
      var commands = answers.flatMap { $0 }
      if isNew {
        tell("Graphics pipeline", "version 0x" + String(pipeline.version, radix: 16), into: &actions)
        actions.setTimer(Self.pipelineTimer, at: nil)
        commands += pipeline.reset(width: width, height: height).flatMap { $0 }
        display.forget()
      }
      if !commands.isEmpty { actions.write(dynamicMessage(pipeline.segmented(commands), .graphics)) }
    }
  }

  /// A message on a dynamic channel, as bytes of the connection.
  func dynamicMessage(_ message: [UInt8], _ service: DynamicChannels.Service) -> [UInt8] {
    var bytes: [UInt8] = []
    guard let dynamicChannel else { return bytes }
    DynamicChannels.encode(message, for: service) { dynamicChannel.append($0, into: &bytes) }
    return bytes
  }

  // MARK: Another size

  /// Takes over the size that the client wants: with the pipeline by a new surface, else by a new activation.
  mutating func resizeIfPossible(now: MonotonicTime, into actions: inout Actions) {
    guard let size = wantedSize, stage == .active, hasFontMap else { return }
    guard pipeline.stage == .ready || output.capabilities.takesDesktopResize else { return }
    wantedSize = nil
    let (oldWidth, oldHeight, oldScale) = (width, height, display.scale)
    setDesktop(width: size.width & ~1, height: size.height, scale: size.scale)
    guard width != oldWidth || height != oldHeight || display.scale != oldScale else { return }
    selection.clear()
    if isRunning {
      ask(
        isDesktop
          ? .resizeDesktop(width: width, height: height)
          : .resize(columns: terminal.columns, rows: terminal.rows), .resize, into: &actions)
    }
    drawLogIn()
    if pipeline.stage == .ready {
      let commands = pipeline.reset(width: width, height: height).flatMap { $0 }
      actions.write(dynamicMessage(pipeline.segmented(commands), .graphics))
      return
    }
    let share = output.shareID
    actions.write { bytes in
      // Deactivate All (MS-RDPBCGR 2.2.3.1).
      bytes.appendShareControl(type: 6) { body in
        body.appendLittleEndian(share)
        body += [1, 0, 0]
      }
    }
    tell("Deactivate All", received: false, into: &actions)
    actions.setTimer(Self.handshakeTimer, at: now + limits.handshakeTime)
    demandActivation(into: &actions)
  }

  // MARK: Clipboard

  private mutating func clipboardMessages() -> [UInt8] {
    var bytes: [UInt8] = []
    for message in clipboard.takeOutgoing() { clipboardChannel?.append(message, into: &bytes) }
    return bytes
  }

  private mutating func sendClipboard(into actions: inout Actions) {
    let bytes = clipboardMessages()
    if !bytes.isEmpty { actions.write(bytes) }
  }

  mutating func paste(into actions: inout Actions) {
    guard isRunning, !isDesktop, clipboardChannel != nil else { return }
    clipboard.paste()
    sendClipboard(into: &actions)
  }

  /// Enters the client's text, with line ends as the Enter key has them and without other controls; between marks where
  /// the program wants to know (mode 2004).
  private mutating func enterPasted(_ text: String) {
    var bytes: [UInt8] = []
    var afterReturn = false
    for scalar in text.unicodeScalars {
      defer { afterReturn = scalar == "\r" }
      if scalar == "\n" {
        if !afterReturn { bytes.append(13) }
      } else if scalar.value >= 0x20 && scalar.value != 0x7F || scalar == "\t" || scalar == "\r" {
        bytes += Array(String(scalar).utf8)
      }
    }
    guard terminal.modes.bracketedPaste else { return enter(bytes) }
    enter(Array("\u{1B}[200~".utf8) + bytes + Array("\u{1B}[201~".utf8))
  }

  /// The mouse where no program wants it: the left button selects, which copies; the middle one pastes.
  mutating func select(_ flags: UInt16, _ row: Int, _ column: Int, into actions: inout Actions) {
    let cell = row * terminal.columns + column
    let isDown = flags & 0x8000 != 0
    if flags & 0x4000 != 0, isDown { return paste(into: &actions) }
    if flags & 0x1000 != 0, isDown {
      clearSelection()
      selection.press(at: cell)
    } else if selection.isDragging {
      if selection.drag(to: cell) { terminal.grid.touch(row) }
      guard flags & 0x1000 != 0 else { return }
      selection.release()
      if let range = selection.range, clipboardChannel != nil {
        clipboard.copy(terminal.text(of: range))
        sendClipboard(into: &actions)
      }
    }
  }

  mutating func clearSelection() {
    if selection.range != nil { terminal.grid.touch(0) }
    selection.clear()
  }
}
