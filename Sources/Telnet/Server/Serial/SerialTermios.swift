import Glibc
import TelnetCore

/// Serial settings in the kernel's form.
enum SerialTermios {
  private static let speeds: [(speed: UInt32, code: Int32)] = [
    (50, B50), (75, B75), (110, B110), (134, B134), (150, B150), (200, B200), (300, B300), (600, B600), (1200, B1200),
    (1800, B1800), (2400, B2400), (4800, B4800), (9600, B9600), (19_200, B19200), (38_400, B38400), (57_600, B57600),
    (115_200, B115200), (230_400, B230400), (460_800, B460800), (500_000, B500000), (576_000, B576000),
    (921_600, B921600), (1_000_000, B1000000), (1_152_000, B1152000), (1_500_000, B1500000), (2_000_000, B2000000),
    (2_500_000, B2500000), (3_000_000, B3000000), (3_500_000, B3500000), (4_000_000, B4000000),
  ]
  // Octal in the kernel's headers, and not imported.
  private static let markOrSpace: tcflag_t = 0o10_000_000_000
  private static let hardwareFlow: tcflag_t = 0o20_000_000_000

  /// Raw bytes, and the rest as it is wanted. A speed that there is not leaves the one that is set.
  static func write(_ settings: SerialSettings, to state: inout termios) {
    cfmakeraw(&state)
    state.c_cflag |= tcflag_t(CREAD | CLOCAL)
    if let code = speeds.first(where: { $0.speed == settings.speed })?.code { cfsetspeed(&state, speed_t(code)) }
    let sizes: [UInt8: Int32] = [5: CS5, 6: CS6, 7: CS7, 8: CS8]
    state.c_cflag &= ~tcflag_t(CSIZE)
    state.c_cflag |= tcflag_t(sizes[settings.dataBits] ?? CS8)
    state.c_cflag &= ~(tcflag_t(PARENB | PARODD | CSTOPB) | markOrSpace | hardwareFlow)
    switch settings.parity {
    case .none: break
    case .odd: state.c_cflag |= tcflag_t(PARENB | PARODD)
    case .even: state.c_cflag |= tcflag_t(PARENB)
    case .mark: state.c_cflag |= tcflag_t(PARENB | PARODD) | markOrSpace
    case .space: state.c_cflag |= tcflag_t(PARENB) | markOrSpace
    }
    if settings.stopBits != .one { state.c_cflag |= tcflag_t(CSTOPB) }
    state.c_iflag &= ~tcflag_t(IXON | IXOFF | IXANY)
    switch settings.flow {
    case .none: break
    case .software: state.c_iflag |= tcflag_t(IXON | IXOFF)
    case .hardware: state.c_cflag |= hardwareFlow
    }
  }

  /// What is set.
  static func read(_ state: termios, wanted: SerialSettings) -> SerialSettings {
    var state = state
    var settings = SerialSettings()
    let code = cfgetospeed(&state)
    settings.speed = speeds.first { speed_t($0.code) == code }?.speed ?? wanted.speed
    let size = state.c_cflag & tcflag_t(CSIZE)
    settings.dataBits = size == tcflag_t(CS5) ? 5 : size == tcflag_t(CS6) ? 6 : size == tcflag_t(CS7) ? 7 : 8
    if state.c_cflag & tcflag_t(PARENB) != 0 {
      let isOdd = state.c_cflag & tcflag_t(PARODD) != 0
      let isStuck = state.c_cflag & markOrSpace != 0
      settings.parity = isStuck ? (isOdd ? .mark : .space) : isOdd ? .odd : .even
    }
    // With five data bits the hardware makes one and a half of two.
    let hasTwo = state.c_cflag & tcflag_t(CSTOPB) != 0
    settings.stopBits = hasTwo ? (wanted.stopBits == .oneAndHalf ? .oneAndHalf : .two) : .one
    settings.flow =
      state.c_cflag & hardwareFlow != 0 ? .hardware : state.c_iflag & tcflag_t(IXON) != 0 ? .software : .none
    return settings
  }
}
