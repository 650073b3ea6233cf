#include "auth/accounts.hpp"
#include "base/problem.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace dispatch::auth {

namespace {

// Of those that are long enough: what people write when a form wants fifteen characters (ASVS 6.2.4).
constexpr std::array<std::string_view, 44> common{"passwordpassword",
                                                  "password123456789",
                                                  "passwort123456789",
                                                  "mypasswordispassword",
                                                  "thisismypassword",
                                                  "thisisapassword",
                                                  "thisisasecret",
                                                  "correcthorsebatterystaple",
                                                  "correct horse battery staple",
                                                  "iloveyouiloveyou",
                                                  "iloveyouforever",
                                                  "letmeinletmein",
                                                  "letmeinplease",
                                                  "adminadminadmin",
                                                  "administrator",
                                                  "administrator123",
                                                  "administrator1234",
                                                  "welcomewelcome",
                                                  "welcome123456789",
                                                  "changemechangeme",
                                                  "changemeplease",
                                                  "qwertyuiopasdfghjklzxcvbnm",
                                                  "qwertyuiopasdfgh",
                                                  "qwertzuiopasdfghjkl",
                                                  "azertyuiopqsdfghjklm",
                                                  "1qaz2wsx3edc4rfv",
                                                  "1qaz2wsx3edc4rfv5tgb",
                                                  "zaq12wsxcde34rfv",
                                                  "qazwsxedcrfvtgb",
                                                  "qazwsxedcrfvtgbyhn",
                                                  "asdfghjklasdfghjkl",
                                                  "1234567890qwertyuiop",
                                                  "abcdefghijklmnopqrstuvwxyz",
                                                  "footballfootball",
                                                  "baseballbaseball",
                                                  "princessprincess",
                                                  "sunshinesunshine",
                                                  "supercalifragilisticexpialidocious",
                                                  "monkeymonkeymonkey",
                                                  "dragondragondragon",
                                                  "mastermastermaster",
                                                  "trustno1trustno1",
                                                  "superman12345678",
                                                  "starwarsstarwars"};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::size_t codePoints(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// One piece of at most six characters over and over: "abcabcabc…", "aaaa…".
bool repeats(std::string_view text) {
  for (std::size_t unit = 1; unit <= 6 && unit * 2 < text.size(); ++unit) {
    bool same = true;
    for (std::size_t i = unit; i < text.size() && same; ++i) same = text[i] == text[i - unit];
    if (same) return true;
  }
  return false;
}

/// Mostly neighbours: "123456789012345", "abcdefghijklmno", "987654321098765".
bool counts(std::string_view text) {
  std::size_t steps = 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const int step = static_cast<unsigned char>(text[i]) - static_cast<unsigned char>(text[i - 1]);
    if (step == 1 || step == -1 || step == 0 || step == 9 || step == -9) ++steps;
  }
  return steps + 3 >= text.size();
}

[[noreturn]] void refuse(const std::string& rule) {
  throw Problem(Problem::Kind::invalid, rule, {"password"});
}

}  // namespace

void Passwords::checkPolicy(std::string_view password, std::string_view email, std::size_t shortest) {
  const auto length = codePoints(password);
  if (length < shortest)
    refuse("A password needs at least " + std::to_string(shortest) + " characters, this one has " +
           std::to_string(length) + ". A few words in a row are easy to remember and long enough.");
  if (password.size() > 1024) refuse("A password may have at most 1024 bytes");
  const std::string folded = lower(password);
  std::string letters;
  for (const char c : folded)
    if (std::isalpha(static_cast<unsigned char>(c))) letters += c;
  const auto known = [&](std::string_view text) {
    return std::find(common.begin(), common.end(), text) != common.end();
  };
  if (known(folded) || known(letters) || repeats(folded) || counts(folded))
    refuse(
        "This password is one of the first that an attacker tries. Choose words that do not usually stand "
        "together.");
  if (folded.find("dispatch") != std::string::npos)
    refuse("A password must not contain the name of this product");
  const std::string address = lower(email);
  const std::string local = address.substr(0, address.find('@'));
  if (!address.empty() && (folded.find(address) != std::string::npos ||
                           (local.size() >= 4 && folded.find(local) != std::string::npos)))
    refuse("A password must not contain your e-mail address");
}

}  // namespace dispatch::auth
