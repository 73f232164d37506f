extension FuzzTarget {
  /// Every target. A target is a file and a row here.
  public static let all: [FuzzTarget] = [
    lineFramer, wireReader, addressText,
    clientHello, proxyHeader,
    toml, configuration,
    dnsMessage, dnsName, dnsRecordData, dnsRecordText, dnsZoneFile, dnsResponder, dnsReplies, dnsStream,
    dnsValidator, dnsSecurityRecords,
    dnsTSIG, dnsTransfer, dnsUpdate, dnsCatalog,
    http1Server, http2Server, httpClient, hpack, httpRanges, httpPath, httpDate, httpConditions,
    webDAVDocument, webDAVCondition, basicCredentials, acmeJSON, acmeRequest, token,
    ftpServer, ftpClient, ftpValues,
    pem, serverKey, certificate,
    sshServer, sshMessages, sshPublicKey, sshPrivateKey, sshKeyOptions, sshCertificate, sshRevocationList, sftp, scp,
    consoleEditor, consoleSession, telnetServer, telnetSerial, telnetClient,
    messageStructure, messageHeader, transferEncoding, pop3Server,
    manageSieve, manageSieveClient, mailSetup, milter,
    smtpServer, smtpClient, smtpAddress, saslServer, sieveScript,
    imapCommand, imapNames, imapServer, imapResponses,
    dhcpMessage, dhcpEngine, dhcp6, tftpPacket, tftpTransfer,
    rdpServer, rdpClient, rdpTerminal, rdpBitmap,
    backupIndex,
    gateFrames, oneTimeCode, authorizedKey, passwordText,
  ]
}
