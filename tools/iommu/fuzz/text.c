// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inputs as text. A call is a line: its name, then NAME=VALUE for each argument,
 * in any order. A value is a number, or a register: the letter of its kind and
 * its number. What is not named is 0; a result without a register is forgotten.
 * Of the call itself speak
 *
 *	thread=N	it is made by that thread, beside the others
 *	fork=1		by a child process of its own
 *	fail=N		with its Nth allocation made to fail
 *	place=N		enum place
 *	bytes=N		the size that the structure says it has
 *
 * An empty line ends an input. Lines that begin with # are comments.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* Append, as far as there is room */
static void add(char **at, const char *end, const char *format, ...)
{
	size_t room = end - *at;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(*at, room, format, args);
	va_end(args);
	*at += (size_t)len < room ? (size_t)len : room - 1;
}

/* What an argument is that the text does not name */
static struct arg arg_default(const struct arg_desc *desc, unsigned int index)
{
	struct arg arg = { .val = 0 };

	if (desc->kind == KIND_OUT || desc->kind == KIND_RESULT) {
		arg.is_reg = 1;
		arg.pool = desc->pool;
		arg.val = NO_REG;
	} else if (!index && !strcmp(desc->name, "fd")) {
		arg.is_reg = 1;
		arg.pool = desc->pool;
	}
	return arg;
}

static bool arg_same(const struct arg *a, const struct arg *b)
{
	return a->val == b->val && a->is_reg == b->is_reg &&
	       (!a->is_reg || a->pool == b->pool);
}

static void call_print(const struct call *call, char **at, const char *end)
{
	const struct op *op = ops[call->op];
	unsigned int i;

	add(at, end, "%s", op->name);
	for (i = 0; i != op->nr_args; i++) {
		const struct arg *arg = &call->args[i];
		struct arg normal = arg_default(&op->args[i], i);

		if (arg_same(arg, &normal))
			continue;
		add(at, end, " %s=", op->args[i].name);
		if (arg->is_reg)
			add(at, end, "%c%u", POOL_LETTERS[arg->pool],
			    (unsigned int)arg->val);
		else
			add(at, end, "0x%llx", (unsigned long long)arg->val);
	}
	if (call->thread)
		add(at, end, " thread=%u", call->thread);
	if (call->forked)
		add(at, end, " fork=1");
	if (call->fail)
		add(at, end, " fail=%u", call->fail);
	if (call->place)
		add(at, end, " place=%u", call->place);
	if (call->bytes)
		add(at, end, " bytes=%u", call->bytes);
	add(at, end, "\n");
}

/**
 * input_print() - Write an input as text, without the empty line at its end
 * @input: the input
 * @buf: gets the text
 * @size: bytes that fit
 *
 * Return: how long it is.
 */
size_t input_print(const struct input *input, char *buf, size_t size)
{
	char *at = buf;
	unsigned int i;

	buf[0] = '\0';
	for (i = 0; i != input->nr; i++)
		call_print(&input->calls[i], &at, buf + size);
	return at - buf;
}

static bool parse_value(const char *text, size_t len, struct arg *arg)
{
	char copy[32], *end;
	static const char letters[] = POOL_LETTERS;
	const char *letter;

	if (!len || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	letter = strchr(letters, copy[0]);
	*arg = (struct arg){ .val = 0 };
	if (letter) {
		arg->is_reg = 1;
		arg->pool = letter - letters;
		arg->val = strtoull(copy + 1, &end, 10);
		return len > 1 && !*end && arg->val < REGS;
	}
	arg->val = strtoull(copy, &end, 0);
	return !*end;
}

static bool is_named(const char *name, const char *word, size_t len)
{
	return len == strlen(name) && !memcmp(word, name, len);
}

static bool parse_word(struct call *call, const char *word, size_t len)
{
	const char *equals = memchr(word, '=', len);
	const struct op *op = ops[call->op];
	size_t name_len;
	struct arg arg;
	unsigned int i;

	if (!equals)
		return false;
	name_len = equals - word;
	if (!parse_value(equals + 1, len - name_len - 1, &arg))
		return false;

	for (i = 0; i != op->nr_args; i++) {
		const struct arg_desc *desc = &op->args[i];

		if (!is_named(desc->name, word, name_len))
			continue;
		if ((desc->kind == KIND_OUT || desc->kind == KIND_RESULT) &&
		    (!arg.is_reg || arg.pool != desc->pool))
			return false;
		call->args[i] = arg;
		return true;
	}
	if (arg.is_reg)
		return false;
	if (is_named("thread", word, name_len) && arg.val < MAX_THREADS)
		call->thread = arg.val;
	else if (is_named("fork", word, name_len) && arg.val <= 1)
		call->forked = arg.val;
	else if (is_named("fail", word, name_len) && arg.val <= UINT16_MAX)
		call->fail = arg.val;
	else if (is_named("place", word, name_len) && arg.val <= PLACE_END)
		call->place = arg.val;
	else if (is_named("bytes", word, name_len) && arg.val <= UINT16_MAX)
		call->bytes = arg.val;
	else
		return false;
	return true;
}

static size_t word_len(const char *text, const char *end)
{
	const char *at = text;

	while (at != end && !isspace((unsigned char)*at))
		at++;
	return at - text;
}

static bool parse_line(struct call *call, const char *text, const char *end)
{
	size_t len = word_len(text, end);
	int op = op_find(text, len);
	unsigned int i;

	if (op < 0)
		return false;
	memset(call, 0, sizeof(*call));
	call->op = op;
	for (i = 0; i != ops[op]->nr_args; i++)
		call->args[i] = arg_default(&ops[op]->args[i], i);
	for (;;) {
		text += len;
		while (text != end && isspace((unsigned char)*text))
			text++;
		if (text == end)
			return true;
		len = word_len(text, end);
		if (!parse_word(call, text, len))
			return false;
	}
}

/**
 * input_parse() - Read the next input of a text
 * @input: gets it
 * @text: where to read; where to go on afterwards
 * @end: of the text
 * @error: gets what is wrong with a line
 * @size: of that
 *
 * Return: 1; 0 where there is none any more; -1 for a line that is no call.
 */
int input_parse(struct input *input, const char **text, const char *end,
		char *error, size_t size)
{
	input->nr = 0;
	while (*text != end) {
		const char *line = *text;
		const char *stop = memchr(line, '\n', end - line);

		if (!stop)
			stop = end;
		*text = stop == end ? end : stop + 1;
		if (line == stop) {
			if (input->nr)
				return 1;
			continue;
		}
		if (*line == '#')
			continue;
		if (input->nr == MAX_CALLS ||
		    !parse_line(&input->calls[input->nr], line, stop)) {
			snprintf(error, size, "%.*s", (int)(stop - line), line);
			return -1;
		}
		input->nr++;
	}
	return input->nr ? 1 : 0;
}
