/// Why a command can't be read: the text of the `BAD` that answers it, or of a `NO` where the grammar is kept.
public struct CommandSyntaxError: Error, Sendable {
  public let text: StaticString
  /// Whether the answer is `NO`: what was said is grammatical and means nothing here.
  public let isRefusal: Bool
  public let code: ResponseCode?

  public init(_ text: StaticString, _ code: ResponseCode? = nil) {
    self.text = text
    isRefusal = false
    self.code = code
  }

  public init(refusal text: StaticString, _ code: ResponseCode? = nil) {
    self.text = text
    isRefusal = true
    self.code = code
  }
}
