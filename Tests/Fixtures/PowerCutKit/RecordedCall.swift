/// A system call that changes a file, or a line `ACK …` that the program wrote: what it says is kept for ever.
public enum RecordedCall: Sendable {
  case open(path: String, descriptor: Int, isNew: Bool)
  case close(Int)
  case write(Int, offset: Int, bytes: [UInt8])
  case truncate(Int, Int)
  case synchronise(Int)
  case rename(String, String)
  case remove(String)
  case makeDirectory(String)
  case acknowledge(String)
}
