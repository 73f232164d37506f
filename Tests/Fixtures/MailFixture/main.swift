// Does a fixed amount of work on a store of mail and says on standard output what is acknowledged: what the crash test records.
import Glibc
import MailEngine
import MailStores
import Services
import WireKit

struct FixtureClock: Clock {
  func now() -> MonotonicTime { MonotonicTime(nanoseconds: 1) }
  func wallTime() -> WallTime { WallTime(seconds: 1_800_000_000) }
}

func acknowledge(_ text: String) {
  let line = Array("ACK \(text)\n".utf8)
  _ = line.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
}

let folder = CommandLine.arguments[1]
let engine = try MailEngine(backing: SQLiteMailBacking(folder: folder), clock: FixtureClock())
let inbox = try await engine.inbox(of: "ann@lab.test")
let archive = try await engine.mailboxes(of: "ann@lab.test").mailbox(for: .archive)
for number in 1...6 {
  let staged = try await engine.stage()
  try staged.write("Subject: message \(number)\r\n\r\n")
  try staged.write([UInt8](repeating: 0x61, count: number % 4 == 0 ? 150_000 : 500 * number))
  let appended = try await engine.append([MessageAppend(staged, to: inbox.id)])
  acknowledge("append \(appended[0].uid) \(staged.size)")
  if number % 3 == 0, let archive {
    let moved = try await engine.move(UIDSet(UInt32(number)...UInt32(number)), from: inbox.id, to: archive.id)
    acknowledge("move \(number) \(moved.copies[0])")
  }
  if number % 5 == 0 {
    _ = try await engine.store(FlagChange(.add, .seen), to: UIDSet(1...1), of: inbox.id)
    acknowledge("seen 1")
  }
}
engine.close()
