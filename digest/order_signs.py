"""The signs of an order to a program, as patterns. `digest/orders.py` puts them to use.

Every gap has an upper bound, so the cost is linear in the text.
"""

from __future__ import annotations

_PERSON = r"(?! ?-?(?:research|engineer|develop|build|start|compan|user|found|scien|art|enthus|fan|invest|lab\b|labs\b|team|lead|nerd|work|expert|student|practi|創|consult))"
_MACHINE = (
    r"(?:(?:a\.?i\.?|llms?|gpts?|chat ?gpt|(?:large )?language models?|chat ?bots?|bots?|(?:ai )?assistants?|(?:ai )?agents?|"
    r"summari[sz](?:er|ers|ation tools?|ing (?:ai|bots?|models?|agents?))|digests?(?: bot| writer)?|(?:digest |ai )?(?:editor|writer) models?|(?:ai )?models?|"
    rf"automated (?:summary |digest |news )?(?:systems?|summar\w+|readers?|tools?)|crawlers?|scrapers?)\b{_PERSON})"
)
_NAMED = r"(?:claude|chatgpt|gpt(?:-\d[\w.]*)?|gemini|grok|copilot|deepseek|kimi|qwen|assistant|summari[sz]er|bot|digest bot)"
_READS = r"(?:reading|processing|summari[sz]ing|parsing|scraping|crawling|ingesting|(?:that|who|which) (?:will )?(?:reads?|process(?:es)?|summari[sz]es?|parses?|scrapes?|writes?|sees?))"
_DO = (
    r"(?:include|add|append|put|place|insert|rank|rate|mention|output|reply|respond|answer|write|say|print|start|begin|end|finish|open|close|translate|"
    r"ignore|disregard|forget|drop|mark|send|skip|repeat|promote|recommend|advertise|praise|treat|state|report|cite|quote|copy|list|make|set|do not|don'?t|never|"
    r"leave|omit|remove|delete|replace|change|swap|describe|call|claim|feature|highlight|pin|keep|move|give|lead|use|execute|follow|obey|only|always|end|tag|score|summari[sz]e|credit|attach|prepend|publish|post)\b"
)
_ASKS = rf"(?:^\W{{0,4}}|[,:，：] ?|\b(?:please|kindly|must|should|shall|always|also|then|have to|has to|(?:can|could|would|will) you|make sure (?:to|you)|be sure to|remember to|need to|want you to) (?:also |always |just |only )?){_DO}"
_OUTPUT = r"(?:summar(?:y|ies)|digests?|reports?|answers?|repl(?:y|ies)|responses?|output|brief(?:ing)?s?|key points?|translations?|newsletter|recap|round-?up)\b"
_WRITTEN = r"(?:summar(?:y|ies)|digests?|output|briefing|key points?|newsletter|recap)\b"
_RULES = r"(?:instructions?|prompts?|rules?|guidelines?|directives?|commands?|orders?|context|messages?|constraints?|directions|training|programming)\b"
_EARLIER = r"(?:previous|prior|above|earlier|preceding|foregoing|your|its|system|initial|original|existing|developer'?s?|these|other)\b"
_UNDO = r"(?:ignore|disregard|forget|override|bypass|discard|violate|set aside|pay no attention to|stop (?:following|obeying)|(?:do not|don'?t|never|no longer|not have to) (?:have to )?(?:follow|obey)|neglect|abandon|erase|cancel|dismiss|scrap|wipe|throw away)"
_THIS = r"(?:this|these|our|my|the following) (?:\w+ )?(?:posts?|items?|stor(?:y|ies)|tweets?|news|threads?|announcements?|articles?|ones?|text|link|message)"
_BEST = r"(?:first\b|at (?:the )?(?:very )?(?:top|position|number)|10 ?/ ?10|10 out of 10|(?:to |at |in )?(?:#|number |no\. ?|position |rank )(?:1|one)\b|as (?:the )?(?:first|top|lead|number one|most|highest)|above (?:all|every|any)|(?:the )?highest|most important)"

ANYWHERE = (
    # Taking back what the program was told, over line breaks too.
    rf"\b{_UNDO}\b(?!.{{0,12}}\bmy\b).{{0,30}}\b{_EARLIER}.{{0,25}}\b{_RULES}",
    rf"\b{_UNDO}\b.{{0,20}}\b{_RULES} (?:above|before|given|so far)\b|\bsummari[sz]e only (?:this|our|my)\b",
    rf"\b{_UNDO} (?:all|any|every)(?: of)?(?: the)? (?:instructions?|directives?|prompts?)\b",
    r"\b(?:forget|ignore|disregard)\b.{0,24}\b(?:you were|you've been|you have been) (?:told|given|taught)|\b(?:forget|ignore|disregard) (?:everything|all|anything)\b(?! (?:of )?my\b).{0,24}\b(?:said|before|above|previous)",
    rf"\b{_EARLIER} {_RULES}.{{0,20}}\b(?:is|are|has been|have been|were) (?:now |hereby |all )?(?:cancel+ed|void|revoked|obsolete|overrid\w+|suspended|lifted|replaced|invalid|null|wrong and)",
    r"\b(?:nothing|everything|all) (?:written )?(?:above|before) (?:this |that )?(?:line |point |text )?(?:counts|applies|matters|is (?:void|invalid|fake|a test))",
    rf"\b{_RULES}\b.{{0,40}}\bno longer (?:appl(?:y|ies)|counts?|binds?|matters?)\b|\b{_UNDO} (?:everything|anything|all) (?:in|of|from) your (?:prompt|memory|context)\b|\b{_UNDO} (?:all )?(?:of )?the above\b",
    r"\b(?:you have|there is) a new (?:operator|owner|master|developer|task|goal|boss)\b|\bdeveloper mode (?:is )?(?:enabled|on|activated)\b|\bsafety (?:is )?off\b|\bsystem override\b|\b(?:write|do|say) (?:exactly )?(?:what|as) i (?:say|tell you)\b",
    r"\bfollow (?:my|these|the following) (?:instructions|orders|rules)\b.{0,20}\b(?:not|instead|only|from now)|\bobey (?:this|my|these|the following)\b",
    r"\b(?:decode|decrypt|unscramble|reverse|read|translate|decipher)\b.{0,60}\b(?:and|then) (?:follow|obey|do|execute|act on|comply)\b",
    r"(?:忽略|无视|忽视|忘记|忘掉|覆盖|不用理|别理|不要管|不要理会|不必理会|绕过|抛开|抛弃|放弃|不用管|别管|不要遵守|不再遵守|停止遵守|清除).{0,12}(?:以上|之前|此前|先前|上述|上面|前面|上文|所有|全部|一切|你的|系统|你收到|原有|原来|默认|已有|本帖以外).{0,12}(?:指令|指示|提示|规则|设定|要求|任务|命令|限制|约束|内容|说的)",
    r"(?:以上|之前|此前|前面|上面|先前|原有|系统|所有).{0,8}(?:指令|指示|规则|提示|要求|设定|内容|任务).{0,6}(?:作废|无效|失效|不算数|不再有效|已取消|都取消)",
    r"照我说的(?:写|做|办|来)|接下来(?:的内容是|只(?:写|报道|推荐|输出|能))|从现在起,?你|你(?:现在)?是一个只(?:会|能)|(?:接下来|以下|下面).{0,4}(?:是|为)(?:系统|管理员)?指令",
    r"(?:ignor(?:ez|a|e|iere)|oublie[zr]?|olvida|vergiss|esquece?)\b.{0,30}\b(?:instructions|instrucciones|anweisungen|instru[cç][oõ~]+es|consignes|regeln)|(?:これまで|以前|上記|以上)の.{0,8}(?:指示|命令|プロンプト|ルール).{0,6}(?:無視|无视|忘れ)",
)
SENTENCES = (
    r"\bfrom (?:now|here) on,? (?:you (?:are|must|will|only|praise|answer|write|act)|follow my|answer only|only)\b|\b(?:respond|reply|answer|write|speak) (?:only|exclusively) (?:in|with)\b.{0,40}\bfrom now\b",
    r"\b(?:your|the) (?:new|real|true) (?:instructions?|task|role|goal|job|purpose|mission)\b ?(?:is|are|[:：])|^\W{0,4}new (?:instructions?|task|directives?|system prompt)s? ?[:：]",
    r"\byour (?:only|actual) (?:task|job|goal|role|purpose|instruction)\b.{0,20}\b(?:is|are)\b|\b(?:instruction|rule|message)s? (?:has|have|takes?) (?:absolute )?(?:priority|precedence)\b",
    r"\byou are now (?:in |a |an |the )?(?:\w+ ){0,2}(?:mode|DAN|assistant|agent|bot|unrestricted|jailbroken)\b|\bjailbreak mode\b",
    r"\boverride (?:the |your )?(?:system|developer) (?:prompt|message)",
    r"\bnew rule ?[:：].{0,80}\b(?:cite|item|post|summary|digest|report|answer)\b|\b(?:print|reveal|show|repeat|output|send|leak|give) (?:me )?(?:the text of )?your (?:\w+ )?(?:instructions|system prompt|prompt|api key|rules|password|token)\b",
    # Speaking to the program that reads.
    rf"^\W{{0,4}}(?:dear|hey|hi|hello)\b,? ?(?:the |any |all |every |an? )?{_MACHINE} ?[:,，]",
    rf"^\W{{0,4}}(?:attention|note to|notes? for|reminder to|reminder for|message (?:to|for)|to|for|instructions? (?:to|for))\b,? ?(?:the |any |all |every |an? |your )?{_MACHINE}(?: {_READS} .{{0,40}}| only)? ?[:：]",
    rf"\b{_MACHINE}(?: \w+){{0,2}} {_READS} (?:this|these|it|the (?:post|page|thread|feed|text|report|above))\b.{{0,40}}?(?:[:：,，?]|\b(?:must|should|please|have to|has to|to)\b).{{0,30}}\b{_DO}",
    rf"^\W{{0,4}}(?:any |all |every )?{_MACHINE} {_READS} (?:this|these)\b ?(?:[:：,]|must|should|please|text)",
    rf"\b(?:if|when|whenever|in case) (?:you(?:'re| are) an? |an? |any |the )(?:\w+ )?{_MACHINE}.{{0,60}}(?:[,，] ?|\b(?:must|should|please|has to|you|it) ){_DO}",
    rf"^\W{{0,4}}(?:any |all |every |the )?{_MACHINE} ?(?:[,:：]|please) ?(?:you )?(?:must |should |please |have to )?{_DO}.{{0,60}}(?:\b|/)(?:this|these|following|sentence|post|link|digest|summary|report|answer|first|top|every|other|your|subscribe|reply with)\b",
    rf"^\W{{0,4}}(?:any |all |every |the )?{_MACHINE} (?:must|should|please|have to|has to) {_DO}.{{0,60}}\b(?:this|these|the following) (?:sentence|post|link|digest|summary|report|answer|text|line|message)\b",
    rf"^\W{{0,4}}(?:dear |hey |hi |hello |ok |okay )?{_NAMED}\b(?:,? (?:or |and )?[\w ]{{1,30}}){{0,3}}[,:，：] ?(?:if .{{0,40}}[,，] ?)?(?:please |kindly |you must |now |just )?{_DO}.{{0,80}}\b(?:this|stor(?:y|ies)|posts?|one|others?|subscribe|digest|summary|items?|that|only|first|link|hashtag|every|today|list)\b",
    rf"^\W{{0,4}}{_NAMED} {_DO}.{{0,80}}\b(?:this|story|stories|post|digest|summary)\b",
    r"^\W{0,4}as an? (?:ai|large)(?: language)? (?:model|assistant),? (?:you|do|please|ignore|your)\b|\bas an ai (?:language )?model you\b",
    rf"\b(?:addressed to|meant for|intended for|directed at|written for) (?:the |any |all |every )?(?:\w+ )?{_MACHINE}.{{0,50}}[:：,，]",
    r"\b(?:whoever|whatever|whichever \w+|anything|anyone) (?:\w+ )?(?:summari[sz]es|processes|compiles|writes) (?:this|these|the (?:digest|summary|feed|report))\b",
    r"\bbots? (?:scraping|reading|crawling) this\b",
    # Speaking of what it will write.
    rf"\b{_DO}.{{0,80}}\b(?:in|to|into|of|with|from|on|at the (?:very )?(?:top|end|start|beginning|bottom) of|as) (?:your|today'?s|every|each) (?:(?:daily|ai|news|next|final|generated|own) )?(?!newsletter){_OUTPUT}",
    rf"{_ASKS}.{{0,80}}\b(?:in|to|into|from|(?:out|end|top|start|bottom|beginning|part) of) (?:the|this|every|each|any|all) (?:daily |ai |news |next |final |generated )?(?:{_WRITTEN}|(?:items?|bullets?(?: points?)?|entr(?:y|ies)|other (?:posts?|items?|stor(?:y|ies)))\b)",
    rf"\b(?:in|for) (?:your|today'?s|the) (?:(?:daily|ai|news|next|final) )?{_WRITTEN},? ?(?:please |you must |you should |always )?{_DO}",
    rf"^\W{{0,4}}(?:please )?(?:begin|start|end|finish|open|close) (?:your|the|today'?s|every|each) {_OUTPUT} with\b",
    rf"\b(?:make sure|ensure|see to it|guarantee) (?:that )?(?:your|the|today'?s|every|each) {_WRITTEN}.{{0,20}}\b(?:mentions?|includes?|contains?|says?|starts?|begins?|ends?|links?|has|is|points?)\b",
    rf"\b{_WRITTEN}.{{0,40}}\b(?:must|have to|has to|should|needs? to)(?: always| also)? (?:start|begin|end|include|mention|contain|say|link|open|close|state|recommend)\b|\byour {_OUTPUT}.{{0,30}}\b(?:must|has to|should|needs? to) (?:start|begin|end|include|mention|contain|say|link|recommend)\b",
    rf"\b(?:when|while|whenever|before|after|if) (?:you )?(?:summari[sz]e|summari[sz]ing|generat(?:e|ing)|writ(?:e|ing)|creat(?:e|ing)|produc(?:e|ing)|compil(?:e|ing)|translat(?:e|ing)|mak(?:e|ing)) (?:this|these|it|your|today'?s?|the (?:posts?|day|thread|text|above|{_WRITTEN}))\b.{{0,60}}(?:\b(?:must|should|always|please)\b|[,，] ?{_DO})",
    r"\b(?:do not|don'?t|never) summari[sz]e (?:this|it)\b|\binstead,? write (?:that|this)\b|\b(?:do not|don'?t|never) (?:mention|reveal|repeat|disclose) (?:this|these|the above) (?:instructions?|message|note|prompt|rule)",
    r"\b(?:summari[sz]e|translate|describe|quote|cite|present|paraphrase) (?:this|it|the above)(?: post| thread| story| tweet| text| article| news)? (?:as|like this|only as|simply as) ?[:：'\"“‘]",
    r"^\W{0,4}(?:please )?(?:output|respond with|reply with|return|print|write|answer with) (?:only|just|exactly|nothing but) (?:the )?(?:following|this|json|[\"'“])|\b(?:reply|respond|answer) with (?:only |just |exactly )?(?:the (?:word|phrase|sentence|following)\b|[\"“'][^\"”']{1,60}[\"”'] (?:only|to))",
    r"(?:^\W{0,4}|\bplease |\bkindly |, ?|: ?|\band )(?:replace|change|swap) (?:every|each|all|any|the) (?:other )?(?:links?|urls?|names?|handles?|items?|numbers?)\b.{0,40}\b(?:with|by|to|for)\b",
    r"\b(?:leave out|omit|drop|remove|delete|exclude|suppress|hide|skip|leave|mark) (?:all |any |every |each )?(?:the )?others? (?:posts?|stor(?:y|ies)|items?|news|tweets?|compan(?:y|ies))\b|\bleave out all (?:news|posts|mention)",
    r"(?:^|[(\[,;{] ?)[\"']?(?:importance|rank|priority|relevance) ?[\"']?[:=] ?[\"']?(?:\d{1,3}\b|high|max|top|critical)|\b(?:title|text|cites|posts)[\"'] ?:.{0,100}[\"'](?:title|text|cites|posts)[\"'] ?:",
    r"\bcall the tool\b|\b(?:call|invoke|use|run) (?:the |your )?(?:tool|function|plugin|browser|search tool|web access)\b(?: \w+)? (?:to|with|and|named)\b|\b(?:act|behave|write) as (?:if|though) (?:the )?others?\b|\b(?:pretend|imagine) (?:that )?you(?:'re| are) (?:the|an?) (?:editor|admin|developer|owner)",
    r"\b(?:write|print|give|make) the (?:entire|whole|full) (?:digest|summary|report|briefing) (?:in|as|about)\b|\b(?:you|it) must (?:begin|start|end|open|close) (?:the|your) |\blet the (?:headline|title|first)\b|\bswap the order\b|\border (?:them )?so that this\b",
    rf"{_ASKS[: -len(_DO)]}(?:add|include|append|insert|mention|cite|plug)\b.{{0,40}}(?:(?<!\w)@\w{{3,}}|\b(?!t\.co/)[\w-]{{1,60}}\.(?:example|com|io|org|net|xyz|me|co)\b|\bt\.me/)",
    r"\b(?:report|treat|present|describe|frame|cover|headline) (?:this|it|us) as (?:the )?(?:biggest|main|top|most|only|lead|breaking)\b|\bmake (?:it|this|us) the (?:headline|lead|top|first)\b",
    r"(?:^\W{0,4}|[,;:] ?|please |so )(?:(?:only|just) (?:report|cover|list|print|summari[sz]e|mention|quote|include|cite)|(?:cover|report|list|print|mention|cite) only)\b|\bpriorit[iy][sz]e posts\b|(?:^\W{0,4}|[:,] ?)(?:list|print|include|show) (?:all |only )?posts (?:by|from)\b",
    r"(?:^\W{0,4}|[.,:;] )(?:print|output|say|write|repeat) [\"“'][^\"”']{1,80}[\"”']|\b(?:print|reveal|show|output|leak|send|give|display) (?:me |us )?(?:the|all|your|any) (?:\w+ )?(?:api keys?|system prompts?|passwords?|tokens?|credentials|secrets?|instructions)(?: now)?\W{0,3}$",
    r"^\W{0,4}(?:please )?(?:answer|respond|reply) in (?:the (?:style|voice|tone) of|latin|french|german|klingon|pig latin|all caps|emoji)\b|\bfrom (?:this point|now|here) on,? act as\b|\byou are \w+bot\b|\bstay in character[.!]?$|\bact as \w+bot\b",
    r"\b(?:whatever|regardless of(?: what)?|despite(?: what)?|no matter what) (?:your|the) (?:system prompt|instructions|guidelines|rules|developer|operator)\b|\bmake (?:something|things|stuff|it) up about\b|\byou, the (?:assistant|model|ai|bot)\b",
    rf"\b(?:the|any|every) {_WRITTEN} (?:you (?:write|make|produce|generate|compile)|without|that (?:does not|doesn't|lacks)|lacking)\b|\beverything else (?:in this (?:feed|list|batch)|here|above|in the feed)\b|\b(?:when|if) (?:you(?:'re| are)? )?(?:writing|write|summari[sz]ing|summari[sz]e|report|reporting) (?:about |on )?(?:this|us|it)\b.{{0,40}}[,，] ?{_DO}",
    # Where it will stand.
    rf"{_ASKS[: -len(_DO)]}(?:rank|put|place|list|pin|keep|rate|score|treat|move|mark|feature|lead with|show|position|prioriti[sz]e|consider|promote) (?:{_THIS}\b.{{0,30}}?|this |it |us |me |these |our \w+ ){_BEST}",
    rf"^\W{{0,4}}(?:please )?(?:rank|rate|score) {_THIS}\b",
    # The same in Chinese.
    r"^\W{0,4}(?:系统|系统提示|系统指令|系统消息|管理员|开发者|提示)\W{0,2}[:：】\]] ?(?=.{0,40}(?:你|必须|请(?!求)|将本|将此|本条|输出|语言模型|大模型))|#?系统提示 ?你|【系统(?:指令|提示|消息)】|^\W{0,4}新的?(?:指令|任务|指示|命令)[:：]",
    r"(?:给|致|告|对于?|请|各位|所有|亲爱的).{0,12}(?:AI|大模型|语言模型|机器人|助手|摘要(?:模型|程序|机器人|器)|智能体|总结(?:程序|模型|机器人)|ChatGPT|GPT|Claude|编辑模型|爬虫)的?(?:提示|提醒|说明|指令|注意|留言)? ?[:：]",
    r"(?:亲爱的|各位|嗨|你好)[，, ]?(?:AI|大模型|语言模型|机器人|助手|智能体|ChatGPT|Claude)(?:们|助手|编辑|模型)?[，,:：].{0,12}(?:请|麻烦|务必|必须|你)",
    r"(?:AI|大模型|模型|机器人|助手|智能体|程序)(?: ?(?:助手|编辑|机器人|模型|摘要程序))? ?(?:请注意[:：]|请注意[，,].{0,10}(?:一定要|务必|必须|不要|只)|请(?:忽略|务必|将|把|在|不要|优先|执行)|必须(?:把|将|在|优先|置顶)).{0,40}",
    r"请 ?(?:各位|所有)?(?:AI|大模型|机器人|助手|智能体|模型)(?: ?(?:助手|编辑|机器人|模型|摘要程序))?(?:在|把|将|排|置顶|放|优先|忽略|加|写|输出|推荐|附)",
    r"(?:看到|读到|读取|阅读|处理|抓取|收到|总结|汇总)(?:了)?(?:这条|本条|本文|此文|本帖|此帖|这个|这篇|这段|这里|此处).{0,8}的?.{0,4}(?:AI|模型|机器人|助手|程序|智能体).{0,8}(?:请|必须|务必|应|要|只|优先)",
    r"(?:AI|模型|机器人|助手|程序|智能体).{0,4}(?:看到|读到|读取|阅读|处理|抓取|总结)(?:了)?(?:这条|本条|本文|此文|本帖|此帖|这个|这篇|这段|这里|此处).{0,12}(?:请|必须|务必|应|要|只|优先)",
    r"如果你是.{0,6}(?:大模型|语言模型|AI|机器人|助手|模型|程序)(?! ?.{0,2}(?:开发|研究|工程|从业|爱好|公司|厂|产品|创业|初学|新手|用户)).{0,30}(?:请|必须|务必|就|要|末尾|开头)",
    r"作为(?:一个|一名)? ?(?:AI|人工智能|语言模型|大模型)(?: ?(?:助手|语言模型|模型))?[，, ]{0,2}你(?:需要|必须|应该|要|不能|只能)(?!.{0,4}(?:了解|学|懂))",
    r"(?:请|务必|必须|麻烦|一定要|记得|应当|你(?:要|需|必|应)).{0,16}(?:在|于|往|给|为|到).{0,8}(?:摘要|日报|报告|总结|简报|要点|回复|回答|晨报|早报|周报)(?:的)?(?:里|中|内|末尾|结尾|开头|最后|后面|前面|第一|标题)?.{0,8}(?:加入|加上|加|写上|写|推荐|置顶|提到|提及|附上|附|带上|宣传|注明|引用|插入|放)",
    r"(?:在|于|往).{0,6}(?:摘要|日报|报告|总结|简报|要点|回复|回答)(?:里|中|内|末尾|结尾|开头|的开头|的末尾).{0,4}(?:加入|加上|写上|附上|推荐|宣传|提到|带上|置顶).{0,6}(?:我们|本帖|此|以下|链接|频道|群|[“\"「@]|t\.me|http)|(?:原样|逐字).{0,4}(?:写(?:入|进|到)|保留|照抄|引用)",
    r"(?:总结|摘要|概括|汇总|翻译|引用|转述|改写|生成|写)(?:日报|摘要|简报|报告|总结|本文|此文|本帖|这篇|这条|今天的?帖子)?.{0,8}时.{0,3}[，,]?.{0,3}(?:必须|务必|请务必|请把|请将|请用|请只|请不要|一定要).{0,30}(?:提到|提及|置顶|加|写|放|把|将|换|引用|带|推荐|附)",
    r"(?:此条|本条|本帖|此帖|这条(?:新闻|帖子|消息)?|这篇).{0,4}(?:请|必须|务必|应当|一定要).{0,14}(?:置顶|第一|首位|头条|最高|最前)|(?:把|将)(?:这条|此条|本条|本帖|此帖|这篇|这则)(?:新闻|消息|帖子|内容)?.{0,14}(?:第一|首位|置顶|头条|最前|最高|10 ?分|满分|顶部)",
    r"(?:此条|本条|本帖|此帖)(?:评分|评级|权重|优先级)?(?:设为|评为|列为|定为).{0,6}(?:最高|第一|首|10|满)",
    r"(?:把|将).{0,3}(?:所有|全部|每个|其他).{0,4}(?:链接|网址|名字|公司名|帖子|新闻).{0,6}(?:替换|换成|改成|改为|删|标记|忽略)",
    r"(?:请|务必|必须|，|。|^).{0,4}在?(?:每一?条|每一?个|各条|每项|所有)(?:要点|条目|新闻|项|段落|帖子|链接|结果)?.{0,6}(?:后面|后|末尾|前面|里|中|都).{0,4}(?:加上|加|附上|附|写上|写|带上|标注)",
    r"(?:摘要|总结|日报|简报|回答|回复|报告)(?:请|必须|务必|一定要).{0,4}(?:以|用|包含|提到|写|出现|推荐)|请(?:以|用).{1,24}(?:开头|结尾)(?:写|回答|回复|总结)",
    r"不要(?:在(?:摘要|日报|总结|报告|简报)(?:里|中))?(?:提到|提及|报道|收录|总结|透露).{0,4}(?:其他|别的|任何其他|本指令|这条指令|竞争对手|以上指令).{0,6}(?:公司|新闻|帖子|内容|产品)?(?=.{0,10}$)",
    r"(?:扮演|你现在是(?!.{0,6}(?:可以|能))|你将是).{0,14}(?:没有(?:任何)?限制|不受(?:任何)?限制|无限制|越狱|开发者模式|管理员|模式|机器人|助手)",
    r"从(?:现在|这里|此刻)(?:开始|起)[，,]? ?(?:你(?:只能|必须|要|就是|只)|只(?:报道|写|输出|推荐|能)|上面|以上|忽略)|你的(?:新|真正|唯一)的?(?:任务|目标|身份)是",
    r"(?:^|[，,、：:。]|请|你|并|然后|直接)(?:直接)?(?:输出|说出|打印|告诉我|复述|泄露|发送)(?:你?的?.{0,4}(?:系统提示|口令|密钥|密码|系统指令|令牌|API ?key)|你的.{0,3}提示词)(?!.{0,4}(?:的能力|教程))|(?:输出|返回) ?JSON ?[:：].{0,3}\{|输出(?:你的?)?指令",
    r"(?:回答|回复|总结|摘要|输出)时,?请(?:说|写|称|用)|请用.{1,4}[文语](?:写|输出).{0,4}(?:整|日报|摘要|简报|总结|全部)|禁止.{0,4}(?:在)?(?:日报|摘要|简报|总结)(?:里|中)|执行(?:以下|下列)?命令[:：] ?/",
    r"(?:无论|不管).{0,12}(?:指令|提示|规则|要求).{0,6}(?:都|均)|以(?:本帖|此帖|这条|本条|我的话)为准|(?:切换|进入)到?.{0,4}(?:管理员|开发者|上帝|越狱)模式|显示(?:全部|所有|你的)指令",
    r"(?:总结|摘要|概括|汇总|引用|翻译)(?:本帖|此帖|本文|这条|此条|本条)时?.{0,4}(?:不要|请|必须|务必|只|别)|写(?:日报|摘要|简报|总结)(?:的时候|时).{0,4}(?:记得|必须|务必|请).{0,8}(?:写|加|提|放|带)|请(?:把|将).{1,30}(?:写成|列为|作为|放进|列入|写入|写进).{0,4}(?:要点|日报|摘要|头条|简报|总结)",
    r"(?:将|把).{0,6}(?:帖子|新闻).{0,4}(?:全部|都)?(?:标记|视|当作|归类|标)(?:为|成)?|你(?:必须|务必|一定要)在(?:回答|回复|输出|总结|摘要|报告)|输出(?:以下|下面)(?:的)?(?:文字|内容|一句|这句)|请?你(?:来)?扮演.{0,16}(?:推荐|只|宣传|购买)|^用户[:：].{0,80}助手[:：]|^用户[:：].{0,10}只|^助手[:：].{0,4}好的",
    r"覆盖(?:你的|系统).{0,6}(?:系统)?提示",
)
MARKUP = (
    r"^\W{0,4}(?:system|assistant|developer) ?(?:prompt|message|instructions?)? ?[:：>](?! ?(?:requirements|windows|ios|macos|linux|android|ubuntu))",
    r"!\[[^\]\n]{0,80}\]\([^)\s]{0,200}\?[^)\s]{0,80}=(?:[A-Z_]{6}|[{$%<\[])",
    r"\]\((?:javascript|data|vbscript):",
    r"<!--",
    r"<\|\w{1,30}\|>(?! ?(?:tokens?|tags?|markers?|and )\b)",
    r"^\W{0,2}\[/?INST\]|\[/INST\]",
    r"^\W{0,2}[\[(](?:instructions?|notes?|message)? ?(?:to|for)? ?(?:the )?(?:ai|model|llm|bot|system)(?: note| instruction)?s?(?:[\])]|:)",
    r"<</?SYS>>|\brole ?[:=] ?[\"']?(?:system|assistant|developer)\b|\bto=functions\b|\bend of input\b",
    r"[%#@*=~-]{2,3} ?(?:system|assistant|admin) ?[%#@*=~-]{2,3}",
    r"</?(?:system|posts?|instructions?|script|user|assistant|iframe|img|a href|tool_?calls?|tool_use|function_?calls?|system-reminder|inputs?|prompt|context|document|antml|invoke)\b[^>\n]{0,120}>",
    r"^\W{0,4}#{2,6} ?(?:instructions?|system|prompt|task)\b|\b(?:begin|start|end) (?:of )?system (?:message|prompt)\b|^[`~]{3} ?(?:system|assistant|instructions?)\b",
    r"^[-=#*<\[\s]{2,12}(?:end|begin(?:ning)?|start) of (?:the )?(?:posts?|input|data|context|prompt|conversation|documents?|user|text|untrusted)|^\[(?:system|assistant|developer|admin)\]",
    r"\b(?:tool|function)[_ ]calls? ?[:：=({]|\bfunction ?\{|^\W{0,3}\{ ?[\"'](?:points|views|events|items|cites|role|name|tool|function|arguments)[\"'] ?:|[\"']cites[\"'] ?:|^\W{0,3}\[ ?\{ ?[\"'](?:title|text|role|name)[\"'] ?:|[\"']role[\"'] ?: ?[\"'](?:system|assistant|user)",
    r"\{\{|\{%",
    r"\b(?:drop table|select \* from|union select)\b",
    r"(?:^|[。！？.!?] ?)\W{0,2}/(?:now|subscribe|unsubscribe|settings|source|sources|report|brief|detail|status|cost|start|stop|topics)\b",
    r"@(?:everyone|here)(?!\w)",
    r"(?:请|发送|执行|输入|run|send|type|see|use|try|with) ?/(?:now|subscribe|unsubscribe|source|settings)\b",
)
"""What only programs read, with its line breaks."""

DENSE = (
    r"(?:ignore|disregard|forget|override|bypass)(?:all|any|the|your|of|my|every|everything|previous|prior|earlier|above|system|preceding){1,5}(?:instruction|prompt|guideline|rules|message)|systemprompt|"
    r"(?:rank|put|list|place)(?:this|me|us)(?:post|item|story)?(?:first|attop|atthetop)|(?:include|add|append|mention).{0,40}(?:inyoursummary|inthedigest|tothedigest|toyourreport|thislink)|"
    r"(?:忽略|无视|忘记).{0,12}(?:指令|提示|规则|要求)"
)
"""Orders without any gaps, for letters that stood apart and texts that are turned round."""

_MACHINE_ZH = r"(?:AI|人工智能|大模型|语言模型|机器人|智能体|摘要(?:模型|程序|器)|总结(?:程序|模型|器)|编辑模型|ChatGPT|GPT|Claude)"
SIGNS = {
    "asks": (
        rf"(?:^\W{{0,4}}|[,:，：] ?|\b(?:please|kindly|must|should|shall|always|have to|has to|(?:can|could|would|will) you|be sure to|remember to|forget to|need to|needs to|required to|asked you to|want you to|just|let the|ensure|make sure) (?:also |always |just |only |please )?){_DO}|\b(?:please|kindly) \w+|\b(?:must|should) (?:be|end|consist|contain|mention|start|begin|include)|\bensure|\blet the\b|请|麻烦|务必|必须|一定要|不要|不得|禁止|应当|别忘|都要",
    ),
    "product": (
        r"\b(?:digest|(?:your|the|today'?s|final|daily|every|each) (?:\w+ )?(?:summary|summaries|report|output|response|answer|reply|headline|edition|wrap-?up|overview|brief(?:ing)?|newsletter|key points?|bullets?(?: points?)?|recap))\b|摘要|日报|简报|要点|晨报|今日头条|总结(?:里|中|结尾|开头|末尾)",
    ),
    "self": (
        r"\b(?:this|our|my|the following|these) (?:\w+ )?(?:posts?|items?|story|tweet|text|message|announcement|article|one|link|thread|sentence|phrase|news|note)\b|\bp[0123456789]\b|本帖|此帖|这条|本条|此条|本消息|本文|这一条|(?:这|下面这?|以下)(?:句话|段话|文字|内容)|我们的(?:频道|链接|群)|我说的",
    ),
    "payload": (
        r"\bt\.me/|https?://(?!t\.co/)|\b[\w-]{1,60}\.(?:example|com|io|org|net|xyz|ai|me)\b|(?<!\w)@\w{3,}|['\"“‘][^'\"”’]{2,60}['\"”’]|\$[A-Z]{2,}|“",
    ),
    "machine": (
        rf"^\W{{0,4}}(?:for |to |dear |hey |hi |hello |hi there,? |note to |attention,? )?(?:the |all |any |every |your )?{_MACHINE}(?: (?:instructions?|notes?|consumption|only|readers?|editors?))?(?: only)? ?[:：,，!！]",
        rf"^\W{{0,4}}(?:all |any |every )?{_MACHINE} (?:must|should|please|have to|has to|(?:are|is) (?:required|asked|requested|expected) to)\b",
        rf"\b(?:reader|you|editor)s? (?:who|that|which)? ?(?:is|are) an? {_MACHINE}",
        rf"\b(?:processed|read|summari[sz]ed|parsed|seen|written) by an? {_MACHINE}",
        r"^\W{0,4}(?:hi|hey|hello)[ ,]+(?:there[ ,]+)?(?:bot|robot|summari[sz]er)\b",
        rf"\b{_MACHINE} (?:note|instruction)s?\b ?[:：]",
        rf"^\W{{0,4}}(?:各位|所有|致|给)? ?{_MACHINE_ZH} ?(?:们|编辑|助手|总结|摘要)?(?:你好|请|必须|应当|务必|[：:，,])",
        rf"(?:看到|读到|处理).{{0,8}}的? ?{_MACHINE_ZH}",
        r"(?:摘要|总结)(?:机器人|程序|模型|AI)|自动(?:生成)?(?:摘要|总结)|^\W{0,3}AI ?(?:总结|编辑)",
    ),
    "rank": (
        r"\b(?:first(?! time| year| quarter| half| week| day)|top spot|(?:at|to) the top|highest|page one|front page|number one|10/10|top score|priority|most important|lead story)\b|第一(?![件步学次年季章天个]|条[,，:：])|首位|最前|置顶|满分|头条|最高|列入.{0,4}要点",
    ),
    "others": (
        r"\b(?:the |all |any |every )?other (?:posts?|articles?|items?|stories|tweets?)\b|\bthe others are\b|其他(?:帖子|新闻|消息|文章|内容)",
    ),
    "program": (
        r"\b(?:instructions?|prompts?|system (?:prompt|message|override)|override|operator|developer mode|jailbreak|safety off|trusted)\b|系统指令|提示词|指令",
    ),
    "solely": (
        r"\b(?:and )?nothing else\b|\bverbatim\b|\bword for word\b|\bsolely\b|逐字|原样|只保留|只输出|只推荐|只写",
    ),
}
"""What a sentence may do, each by one of a few patterns: none of it is an order alone."""
ADDRESS = ("asks", "machine")
SUBJECTS = tuple(name for name in SIGNS if name not in ADDRESS)
"""Looked for first: most sentences have none of these and need no further look."""

TOGETHER = tuple(
    frozenset(names.split())
    for names in (
        "asks product self",
        "asks product payload",
        "asks product rank",
        "asks product others",
        "asks product solely",
        "asks machine payload",
        "asks machine rank",
        "asks machine others",
        "asks machine product",
        "asks machine self",
        "machine program",
        "machine others",
        "machine rank self",
        "asks self rank",
        "asks others",
        "asks program solely",
        "asks program self",
        "asks solely self",
        "asks solely payload",
        "program solely",
    )
)
"""Signs that make an order together; chosen on real posts, of which three in ten thousand have such."""
