#include "http/loopback_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace halfbyte {
namespace {

// A key and a certificate for `name`, signed by itself; the certificate goes to `file` too.
SSL_CTX* self_made_tls(const std::string& name, const std::filesystem::path& file) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + name).c_str());
  X509_add_ext(certificate, names, -1);
  X509_sign(certificate, key, EVP_sha256());
  SSL_CTX_use_certificate(context, certificate);
  SSL_CTX_use_PrivateKey(context, key);
  if (FILE* out = std::fopen(file.c_str(), "w")) {
    PEM_write_X509(out, certificate);
    std::fclose(out);
  }
  X509_EXTENSION_free(names);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return context;
}

}  // namespace

void LoopbackConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = tls_ != nullptr ? SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()))
                                      : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

size_t LoopbackConnection::receive(char* bytes, size_t size) {
  const auto got = tls_ != nullptr ? SSL_read(tls_, bytes, static_cast<int>(size)) : ::recv(fd_, bytes, size, 0);
  return got > 0 ? static_cast<size_t>(got) : 0;
}

void LoopbackConnection::send_answer(std::string_view status, std::string_view body, std::string_view more_headers) {
  send(fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), more_headers, body));
}

void LoopbackConnection::begin_chunked(std::string_view content_type) {
  send(fmt::format("HTTP/1.1 200 OK\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n", content_type));
}

void LoopbackConnection::send_chunk(std::string_view bytes) { send(fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes)); }

void LoopbackConnection::wait_until_gone() {
  char byte;
  while (!is_over_) {
    pollfd state{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&state, 1, 10) > 0 && ::recv(fd_, &byte, 1, MSG_DONTWAIT) <= 0) return;
  }
}

LoopbackServer::LoopbackServer(Answer answer, const std::string& tls_name, bool is_behind_proxy)
    : answer_(std::move(answer)), is_behind_proxy_(is_behind_proxy) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    std::abort();  // a machine without a loopback interface tests nothing
  port_ = ntohs(address.sin_port);
  if (!tls_name.empty()) {
    certificate_ = std::filesystem::temp_directory_path() / fmt::format("halfbyte-loopback-{}-{}.pem", ::getpid(), port_);
    tls_ = self_made_tls(tls_name, certificate_);
  }
  thread_ = std::thread([this] { serve(); });
}

LoopbackServer::~LoopbackServer() {
  is_over_ = true;
  thread_.join();
  ::close(listener_);
  SSL_CTX_free(tls_);
  std::error_code ignored;
  if (!certificate_.empty()) std::filesystem::remove(certificate_, ignored);
}

std::string LoopbackServer::url() const {
  return tls_ != nullptr && !is_behind_proxy_ ? fmt::format("https://localhost:{}", port_) : fmt::format("http://127.0.0.1:{}", port_);
}

std::vector<AskedRequest> LoopbackServer::asked() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

void LoopbackServer::serve() {
  while (!is_over_) {
    pollfd state{.fd = listener_, .events = POLLIN, .revents = 0};
    if (::poll(&state, 1, 10) <= 0) continue;
    const int fd = ::accept(listener_, nullptr, nullptr);
    if (fd < 0) continue;
    answer_one(fd);
    ::close(fd);
  }
}

void LoopbackServer::answer_one(int fd) {
  if (is_behind_proxy_) {
    LoopbackConnection proxy(fd, nullptr, is_over_);
    if (!read_request(proxy)) return;
    proxy.send("HTTP/1.1 200 Connection established\r\n\r\n");
  }
  SSL* tls = nullptr;
  if (tls_ != nullptr) {
    tls = SSL_new(tls_);
    SSL_set_fd(tls, fd);
    if (SSL_accept(tls) != 1) {
      SSL_free(tls);
      return;
    }
  }
  LoopbackConnection connection(fd, tls, is_over_);
  if (const auto asked = read_request(connection)) answer_(connection, *asked);
  if (tls != nullptr) {
    SSL_shutdown(tls);
    SSL_free(tls);
  }
}

std::optional<AskedRequest> LoopbackServer::read_request(LoopbackConnection& connection) {
  std::string text;
  char bytes[4096];
  size_t head_end = std::string::npos, body_bytes = 0;
  while (head_end == std::string::npos || text.size() < head_end + 4 + body_bytes) {
    const size_t got = connection.receive(bytes, sizeof bytes);
    if (got == 0) break;
    text.append(bytes, got);
    if (head_end == std::string::npos && (head_end = text.find("\r\n\r\n")) != std::string::npos)
      if (const size_t at = text.find("Content-Length: "); at < head_end) body_bytes = std::strtoul(&text[at + 16], nullptr, 10);
  }
  if (head_end == std::string::npos) return std::nullopt;
  const size_t method_end = text.find(' '), path_end = text.find(' ', method_end + 1), line_end = text.find("\r\n");
  AskedRequest asked{.method = text.substr(0, method_end),
                     .path = text.substr(method_end + 1, path_end - method_end - 1),
                     .headers = text.substr(line_end + 2, head_end - line_end),
                     .body = text.substr(head_end + 4)};
  const std::lock_guard lock(mutex_);
  asked_.push_back(asked);
  return asked;
}

}  // namespace halfbyte
