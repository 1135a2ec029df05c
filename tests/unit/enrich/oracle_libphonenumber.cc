/* Our plan against libphonenumber on random numbers of every calling code: validity, country and
 * type. Its data may be years older than ours: at most 1 % may differ, and the prefixes that do are
 * printed.
 */
#include <phonenumbers/phonenumberutil.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "unit/enrich/oracle_plan.h"

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

namespace
{

enum { NUMBERS = 100000, SHOWN = 40, SHOWN_DIGITS = 2 };

/* In the order of PhoneNumberUtil::PhoneNumberType. */
const char *const type_words[] = {"fixed",     "mobile", "fixed_or_mobile", "toll_free", "premium",
                                  "shared",    "voip",   "personal",        "pager",     "uan",
                                  "voicemail", "unknown"};

/* Calling codes without a country whose types are ours (satellite, intl_network). */
const std::set<int> global_codes = {808, 870, 878, 881, 882, 883, 979};

PhoneNumber number_of(int code, const std::string &national)
{
	PhoneNumber number;
	size_t zeros = national.find_first_not_of('0');

	number.set_country_code(code);
	number.set_national_number(std::stoull(national));
	if (zeros == std::string::npos) {
		zeros = national.size() - 1;
	}
	if (zeros > 0) {
		number.set_italian_leading_zero(true);
		number.set_number_of_leading_zeros(static_cast<int>(zeros));
	}
	return number;
}

/* "" where both agree, else what differs. */
std::string difference(const PhoneNumberUtil &util, int code, const std::string &national,
                       bool *valid)
{
	PhoneNumber number = number_of(code, national);
	oracle_entry ours = oracle_plan_find((std::to_string(code) + national).c_str());
	std::string region;

	util.GetRegionCodeForNumber(number, &region);
	bool theirs = util.IsValidNumber(number);
	*valid = theirs || ours.valid;
	if (theirs != (ours.valid != 0)) {
		return theirs ? "not valid here" : "valid here alone";
	}
	if (region != "ZZ" && region != "001" && region != ours.country) {
		return region + " is here " + ours.country;
	}
	std::string word = type_words[util.GetNumberType(number)];
	if (!global_codes.count(code) && word != ours.type) {
		return word + " is here " + ours.type;
	}
	return "";
}

void print_differences(const std::map<std::string, int> &differences)
{
	std::multimap<int, std::string> by_count;
	int left = SHOWN;

	for (const auto &one : differences) {
		by_count.emplace(one.second, one.first);
	}
	for (auto one = by_count.rbegin(); one != by_count.rend() && left > 0; ++one, left--) {
		std::printf("%6d  +%s\n", one->first, one->second.c_str());
	}
	std::printf("%zu prefixes differ\n", differences.size());
}

} // namespace

int main(int argc, char **argv)
{
	const PhoneNumberUtil &util = *PhoneNumberUtil::GetInstance();
	int count = argc > 1 ? std::atoi(argv[1]) : NUMBERS;
	std::map<std::string, int> differences;
	std::set<int> supported;
	std::mt19937 random(1);
	int differ = 0, valid_count = 0;

	if (oracle_plan_load(SOURCE_DIR "/rules/numbering")) {
		return 1;
	}
	util.GetSupportedCallingCodes(&supported);
	std::vector<int> codes(supported.begin(), supported.end());
	for (int i = 0; i < count; i++) {
		int code = codes[random() % codes.size()];
		std::string national(4 + random() % 9, '0');
		for (char &digit : national) {
			digit = static_cast<char>('0' + random() % 10);
		}
		bool valid;
		std::string what = difference(util, code, national, &valid);
		valid_count += valid;
		if (!what.empty()) {
			differ++;
			std::string shown = national.substr(0, SHOWN_DIGITS);
			differences[std::to_string(code) + shown + "… " + what]++;
		}
	}
	print_differences(differences);
	std::printf("%d of %d numbers differ (%d valid)\n", differ, count, valid_count);
	oracle_plan_free();
	return differ * 100 > count || valid_count * 20 < count;
}
