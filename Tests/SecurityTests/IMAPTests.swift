import Foundation
import LaboratoryKit
import Testing

/// IMAP's rows: STARTTLS injection, ALPACA, literals, depth, hostile MIME, slow clients, passwords in plain text.
@Suite(.serialized, .timeLimit(.minutes(5))) struct IMAPSecurityTests {
  @Test func hostileClientsGetNowhere() async throws {
    try await Laboratory.with { laboratory in
      let workers = laboratory.workers()
      let account = laboratory.ready.accounts[1]
      let answer = try await Prober.run(
        "imap.py", laboratory,
        ["name": account.name, "password": account.password, "worker": "\(workers["mail"] ?? 0)"], within: .seconds(200)
      )
      func reply(_ name: String) -> String { (answer[name] as? [String: Any])?["reply"] as? String ?? "nothing" }
      func isClosed(_ name: String) -> Bool { (answer[name] as? [String: Any])?["closed"] as? Bool ?? false }

      for name in ["injection", "injection of a log-in", "alpaca", "alpaca post"] {
        #expect(reply(name).isEmpty && isClosed(name), "\(name): \(reply(name))")
      }
      #expect(reply("literal").hasPrefix("a BAD [TOOBIG]") && !isClosed("literal"))
      for name in ["literal that does not wait", "append before log-in", "endless line", "bare line feed"] {
        #expect(isClosed(name) && reply(name).contains("* BYE"), "\(name): \(reply(name))")
      }
      #expect(reply("depth before log-in").hasPrefix("a BAD"))
      #expect(reply("log-in").hasPrefix("x OK") && reply("select").hasPrefix("x OK"))
      for name in ["depth", "nots", "huge set", "path"] { #expect(reply(name).hasPrefix("x BAD"), "\(reply(name))") }
      for name in ["parts", "messages", "parameters", "addresses"] {
        #expect(reply("append \(name)").hasPrefix("x OK"), "\(name): \(reply("append \(name)"))")
      }
      #expect(reply("fetch").hasPrefix("x OK"))
      #expect((answer["fetch"] as? [String: Any])?["rows"] as? Int == 4)
      #expect(((answer["fetch"] as? [String: Any])?["seconds"] as? Double ?? 99) < 10)
      #expect(reply("after").hasPrefix("x OK"))
      for name in ["bomb of a line", "bomb of literals", "bomb of commands"] {
        let grown = (answer[name] as? [String: Any])?["grown"] as? Int ?? 9999
        #expect(grown < 64, "\(name): \(grown) MB")
      }
      for name in ["bomb of a line", "bomb of literals"] {
        #expect(isClosed(name) && reply(name).contains("BYE"), "\(name): \(reply(name).prefix(300))")
      }
      for name in ["many mailboxes", "many groups", "deep sources"] {
        #expect(reply(name).hasPrefix("x NO [LIMIT]"), "\(name): \(reply(name))")
      }
      #expect(reply("deep fuzzy").hasPrefix("x BAD"))
      #expect(reply("circle").hasPrefix("x NO [UNDEFINED-FILTER "))
      #expect(reply("long words").hasPrefix("x OK") && reply("others' URL").contains(" NIL\r\nx OK"))
      #expect(reply("key").hasPrefix("x NO [NOPERM]") && reply("contexts").hasPrefix("z OK"))
      #expect(reply("others") == "a OK NOOP completed\r\n")
      #expect(isClosed("slow"))
      #expect(laboratory.workers() == workers, "a worker ended")
    }
  }

  /// Without `plaintext = true` nobody logs in outside TLS, and the password is in no log.
  @Test func passwordsDoNotTravelInPlainText() async throws {
    let edit = ("tls_port  = 10993\nplaintext = true", "tls_port  = 10993")
    try await Laboratory.with(editing: [edit]) { laboratory in
      let socket = try StreamSocket(port: try laboratory.port("imap"))
      #expect(try socket.receive(until: "\r\n").contains("LOGINDISABLED"))
      let account = laboratory.ready.accounts[0]
      try socket.send("a LOGIN \(account.name) \(account.password)\r\n")
      #expect(try socket.receive(until: "\r\n").hasPrefix("a NO [PRIVACYREQUIRED]"))
      try socket.send(
        "b AUTHENTICATE PLAIN \(Data("\0\(account.name)\0\(account.password)".utf8).base64EncodedString())\r\n")
      #expect(try socket.receive(until: "\r\n").hasPrefix("b NO [PRIVACYREQUIRED]"))
      #expect(!laboratory.log.contains(account.password))
    }
  }
}
