import WireKit

/// A desktop that somebody else draws: events go there, tiles come from there.
extension ServerSession {
  /// Events that wait for the desktop; more are dropped, the oldest kept.
  private static let maximumEvents = 1024

  /// Queues an event. Of moves of the mouse that wait only the last counts.
  mutating func passOn(_ event: InputEvent) {
    if case .mouse(0x0800, _, _) = event, case .mouse(0x0800, _, _)? = pendingEvents.last { pendingEvents.removeLast() }
    guard pendingEvents.count < Self.maximumEvents else { return }
    pendingEvents.append(event)
  }

  /// From here on the client sees that desktop.
  mutating func startedDesktop(into actions: inout Actions) {
    isStarting = false
    isRunning = true
    isDesktop = true
    display.forget()
    actions.event(.sessionStarted(width: width, height: height, bitsPerPixel: output.format.rawValue))
  }

  /// Whether a frame may be sent at all.
  private var takesFrames: Bool {
    stage == .active && hasFontMap && !isSuppressed && !isWriting && pipeline.stage != .opening
      && (pipeline.stage != .ready || pipeline.hasRoom)
  }

  /// Events handed on, the next frame asked for: only when it can be sent, so that a slow client gets fewer frames and
  /// not later ones.
  mutating func settleDesktop(now: MonotonicTime, into actions: inout Actions) {
    guard isRunning else { return }
    if !pendingEvents.isEmpty, !isInputBusy {
      isInputBusy = true
      ask(.events(pendingEvents), .input, into: &actions)
      pendingEvents.removeAll()
    }
    guard takesFrames else { return }
    if display.isUnknown {
      display.acceptAsKnown()
      ask(.refresh, .resize, into: &actions)
    }
    guard !isOutputAsked else { return }
    let next = lastFrame + limits.frameInterval
    guard !hasShownFrame || now >= next else {
      if !isFrameTimed {
        isFrameTimed = true
        actions.setTimer(Self.frameTimer, at: next)
      }
      return
    }
    isOutputAsked = true
    ask(.frame, .output, into: &actions)
  }

  /// A frame of the desktop.
  mutating func take(_ frame: DesktopFrame, now: MonotonicTime, into actions: inout Actions) {
    guard case .tiles(let tiles) = frame else {
      isRunning = false
      return disconnect(.loggedOffByUser, "the desktop session has ended, or is used from elsewhere", into: &actions)
    }
    guard takesFrames else { return display.forget() }
    guard !tiles.isEmpty else { return }
    let bytes = pipeline.stage == .ready ? pipelineFrame(tiles) : bitmapFrame(tiles)
    hasShownFrame = true
    lastFrame = now
    isWriting = true
    let size = bytes.count
    actions.write(bytes)
    tell("Frame", "\(size) bytes", received: false, into: &actions)
  }

  private mutating func pipelineFrame(_ tiles: [PixelTile]) -> [UInt8] {
    var commands = pipeline.startFrame()
    for tile in tiles where tile.x + tile.width <= width && tile.y + tile.height <= height {
      commands += pipeline.draw(tile)
    }
    commands += pipeline.endFrame()
    return dynamicMessage(pipeline.segmented(commands), .graphics)
  }

  private func bitmapFrame(_ tiles: [PixelTile]) -> [UInt8] {
    var bytes: [UInt8] = []
    for var tile in tiles where tile.x + tile.width <= width && tile.y + tile.height <= height {
      if output.format != .rgb32 { tile.pixels = tile.pixels.map { output.format.pixel($0) } }
      output.append(tile, into: &bytes)
    }
    return bytes
  }
}
