extension FuzzTarget {
  /// Every target. A target is a file and a row here.
  public static let all: [FuzzTarget] = [
    lineFramer, wireReader, addressText,
    clientHello, proxyHeader,
    toml, configuration,
    dnsMessage, dnsName, dnsRecordData, dnsRecordText, dnsZoneFile, dnsResponder, dnsStream,
    http1Server, http2Server, httpClient, hpack, httpRanges, httpPath, httpDate, httpConditions,
    pem, serverKey, certificate,
    consoleEditor, consoleSession, telnetServer, telnetClient,
    rdpServer, rdpClient, rdpTerminal, rdpBitmap,
    gateFrames, oneTimeCode, authorizedKey, passwordText,
  ]
}
