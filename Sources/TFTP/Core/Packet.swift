/// A TFTP packet (RFC 1350 §5). The bytes of a DATA packet stay where they are: the packet names their place.
public enum Packet: Sendable, Hashable {
  case request(Request)
  /// `payload` is the range of the datagram's bytes that holds the data.
  case data(block: UInt16, payload: Range<Int>)
  case acknowledgement(block: UInt16)
  case error(ErrorCode, message: String)
  case optionAcknowledgement([TransferOption])

  /// Bytes before the data in a DATA packet.
  public static let dataHeaderLength = 4
  /// The longest request (RFC 2347 §2).
  public static let maximumRequestLength = 512
}
