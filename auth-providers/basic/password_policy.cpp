#include "password_policy.hpp"

#include "common_passwords.hpp"

#include <dispatch/sdk/text.hpp>

#include <algorithm>
#include <array>
#include <set>

namespace basic {

namespace {

/// Unguessable characters that must remain beside a word a guesser knows.
constexpr std::size_t ownCharacters = 8;

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

/// Lower case, without what is put between words; the letters that digits and signs stand for ("p@ssw0rd").
std::string plainForm(std::string_view text, bool unleet) {
  constexpr std::array<std::pair<char, char>, 8> stands{
      {{'0', 'o'}, {'1', 'i'}, {'3', 'e'}, {'4', 'a'}, {'5', 's'}, {'7', 't'}, {'@', 'a'}, {'$', 's'}}};
  std::string out;
  for (char c : dispatch::lower(text)) {
    if (unleet)
      for (const auto& [sign, letter] : stands)
        if (c == sign) c = letter;
    const bool kept =
        (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
    if (kept) out += c;
  }
  return out;
}

/// A character that follows from the one before: the same, its neighbour in the alphabet, or on a keyboard's
/// row.
bool follows(char before, char after) {
  if (before == after || before + 1 == after || before - 1 == after) return true;
  constexpr std::array<std::string_view, 6> rows{"1234567890", "qwertyuiop", "asdfghjkl",
                                                 "zxcvbnm",    "qwertzuiop", "azertyuiop"};
  for (const std::string_view row : rows) {
    const auto at = row.find(before);
    if (at == std::string_view::npos) continue;
    if ((at + 1 < row.size() && row[at + 1] == after) || (at > 0 && row[at - 1] == after)) return true;
  }
  return false;
}

/// A short piece said again and again: "abcabcabc", "hunter2hunter2".
bool repeats(std::string_view text) {
  for (std::size_t period = 1; period <= text.size() / 2; ++period) {
    bool same = true;
    for (std::size_t i = period; i < text.size() && same; ++i) same = text[i] == text[i - period];
    if (same && (period <= 8 || text.size() >= 3 * period)) return true;
  }
  return false;
}

/// `text` consists of one or two different common words (each as often as one likes) and digits.
bool isCommon(std::string_view text) {
  // From the end: how few different words cover the rest, with which ones.
  std::vector<std::set<std::string_view>> used(text.size() + 1);
  std::vector<bool> covered(text.size() + 1, false);
  covered[text.size()] = true;
  for (std::size_t start = text.size(); start-- > 0;) {
    const auto consider = [&](std::size_t length, std::string_view word) {
      if (!covered[start + length]) return;
      std::set<std::string_view> words = used[start + length];
      if (!word.empty()) words.insert(word);
      if (words.size() > 2 || (covered[start] && used[start].size() <= words.size())) return;
      covered[start] = true;
      used[start] = std::move(words);
    };
    if (text[start] >= '0' && text[start] <= '9') consider(1, {});
    for (const std::string_view root : commonRoots())
      if (text.substr(start).starts_with(root)) consider(root.size(), root);
  }
  return covered[0] && !used[0].empty();
}

/// How much is left of `text` without every occurrence of `word`.
std::size_t without(std::string text, const std::string& word) {
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos;) text.erase(at, word.size());
  return characters(text);
}

std::string tooGuessable(const std::string& why) {
  return "This password is among the first that somebody would guess: " + why +
         ". Take a few words that do not belong together, or let a password manager make one.";
}

}  // namespace

std::string passwordAdvice(std::size_t minimumLength) {
  return "At least " + std::to_string(minimumLength) +
         " characters of any kind, spaces included: a few words that do not belong together are easy to "
         "remember and hard to guess.";
}

std::string passwordFault(std::string_view password, std::size_t minimumLength,
                          const std::vector<std::string>& context) {
  const std::size_t length = characters(password);
  if (length < minimumLength)
    return "A password needs at least " + std::to_string(minimumLength) + " characters; this one has " +
           std::to_string(length) + ".";
  if (password.size() > longestPassword)
    return "A password may have " + std::to_string(longestPassword) + " bytes at most; this one has " +
           std::to_string(password.size()) + ".";
  if (password.find('\0') != std::string_view::npos) return "A password cannot hold a NUL character.";

  const std::string plain = plainForm(password, false);
  const std::string letters = plainForm(password, true);
  const std::string lower = dispatch::lower(password);
  if (std::set<char>(lower.begin(), lower.end()).size() < 5)
    return tooGuessable("it has very few different characters");
  if (repeats(lower) || (plain.size() >= 4 && repeats(plain))) return tooGuessable("it repeats itself");
  std::size_t surprises = 1;
  for (std::size_t i = 1; i < lower.size(); ++i)
    if (!follows(lower[i - 1], lower[i])) ++surprises;
  if (surprises < 5) return tooGuessable("it follows the keyboard or the alphabet");
  for (const std::string& form : {plain, letters})
    if (isCommon(form)) return tooGuessable("it is made of common passwords");
  for (const std::string& form : {plain, letters})
    for (const std::string_view phrase : commonPhrases())
      if (form.find(phrase) != std::string::npos && without(form, std::string(phrase)) < ownCharacters)
        return tooGuessable("everybody knows this phrase");
  for (const std::string& word : context) {
    const std::string known = plainForm(word, false);
    if (known.size() < 4) continue;
    for (const std::string& form : {plain, letters})
      if (form.find(known) != std::string::npos && without(form, known) < ownCharacters)
        return tooGuessable("it is mostly \"" + dispatch::quoteLine(word, 60) + "\"");
  }
  return {};
}

}  // namespace basic
