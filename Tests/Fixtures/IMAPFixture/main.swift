import Foundation
import IMAPKit

// `IMAPFixture [PORT]`: an IMAP server over a store in memory. Prints its port; ends with its standard input.
let server = try await TestMailServer(port: CommandLine.arguments.dropFirst().first.flatMap(UInt16.init) ?? 0)
try FileHandle.standardOutput.write(contentsOf: Data("\(server.port)\n".utf8))
while readLine() != nil {}
